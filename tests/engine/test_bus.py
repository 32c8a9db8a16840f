"""The bus over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zmq

from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.messages import EcgChunk, EndOfStream, Message


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    with zmq.Context() as context:
        yield context


@pytest.fixture
def endpoint(tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/bus"


def chunk(n: int, stream: str = "bed-1/ecg", samples: int = 25) -> EcgChunk:
    data = np.full((samples, 2), n, np.float32)
    return EcgChunk(stream=stream, first_sample=n * samples, rate_hz=250.0, leads=("I", "II"), samples=data)


def pump(publisher: Publisher, subscriber: Subscriber, count: int, rounds: int = 2000) -> list[Message]:
    """Serve and receive until `count` messages have come."""
    got: list[Message] = []
    for _ in range(rounds):
        publisher.serve()
        got += subscriber.receive(2)
        if len(got) >= count:
            return got
    pytest.fail(f"{len(got)} of {count} messages came: {subscriber.statistics()} {publisher.statistics()}")


def test_a_late_joiner_gets_everything_from_the_ring(context, endpoint):
    with Publisher(endpoint, context=context) as publisher:
        for n in range(1000):
            publisher.send(chunk(n))
        publisher.send(EndOfStream(stream="bed-1/ecg", offered=25_000))
        with Subscriber(endpoint, context=context) as subscriber:
            got = pump(publisher, subscriber, 1001)
    assert [m.seq for m in got] == list(range(1001))
    assert subscriber.statistics().missing == 0
