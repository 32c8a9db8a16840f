"""What is sent together leaves at the end, in order, and before anybody is waited for."""

from __future__ import annotations

import numpy as np
import pytest
import zmq

from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.errors import StreamStalled
from heartwire.engine.messages import EcgChunk, EndOfStream, Message

STREAM = "bed-1/ecg"
Context = zmq.Context[zmq.Socket[bytes]]


def chunk(n: int, stream: str = STREAM) -> EcgChunk:
    samples = np.full((25, 2), n, np.float32)
    return EcgChunk(stream=stream, first_sample=25 * n, rate_hz=250.0, leads=("I", "II"), samples=samples)


def came(publisher: Publisher, subscriber: Subscriber, count: int) -> list[Message]:
    """Serve and receive until so many messages came."""
    got: list[Message] = []
    for _ in range(2000):
        publisher.serve()
        got += subscriber.receive(5)
        if len(got) >= count:
            return got
    pytest.fail(f"{len(got)} messages came: {subscriber.statistics()} {publisher.statistics()}")


def test_what_is_sent_together_leaves_at_the_end_in_order(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, context=context) as publisher, Subscriber(endpoint, context=context) as subscriber:
        publisher.send(chunk(0))
        came(publisher, subscriber, 1)
        # The first may have been sent before the subscription came, and had from the ring.
        requests = subscriber.statistics().requests
        with publisher.together():
            publisher.send(chunk(1))
            publisher.send(chunk(0, "bed-2/ecg"))
            assert subscriber.receive(20) == []
            publisher.send(EndOfStream(stream=STREAM, offered=50))
        got = came(publisher, subscriber, 3)
        assert [(message.stream, message.seq) for message in got] == [(STREAM, 1), ("bed-2/ecg", 0), (STREAM, 2)]
        assert subscriber.statistics().requests == requests


def test_lossless_sending_together_lets_go_before_it_waits(context: Context, endpoint: str) -> None:
    with (
        Publisher(endpoint, window=4, stall_timeout_s=0.2, context=context) as publisher,
        Subscriber(endpoint, identity="slow", context=context) as subscriber,
    ):
        while not publisher.statistics().followers:
            subscriber.receive(5)
            publisher.serve()
        with publisher.together():
            for n in range(4):
                publisher.send(chunk(n))
            with pytest.raises(StreamStalled):
                publisher.send(chunk(4))
        assert [message.seq for message in subscriber.receive(200)] == [0, 1, 2, 3]
