"""Shared fixtures: where the recordings are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real recordings; skips the test where it is absent."""
    path = Path(os.environ.get("HEARTWIRE_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not path.is_dir():
        pytest.skip(f"recordings absent: no folder {path} (set HEARTWIRE_DATA)")
    return path
