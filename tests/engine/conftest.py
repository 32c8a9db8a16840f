"""What tests of the bus share: a ZeroMQ context and an endpoint of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    """A context that ends with the test."""
    with zmq.Context() as context:
        yield context


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    """Where a publisher can be bound."""
    return f"ipc://{tmp_path}/bus"
