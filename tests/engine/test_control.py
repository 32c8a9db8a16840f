"""Where requests go, and who may make them."""

from __future__ import annotations

import pytest
import zmq

from heartwire.engine.bus import CurveKeys, Publisher, Subscriber, control_endpoint
from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import EndOfStream, Message


def test_curve_keys_let_those_in_who_know_the_publisher() -> None:
    server_public, server_secret = zmq.curve_keypair()
    public, secret = zmq.curve_keypair()
    keys = CurveKeys(server_public, server_secret)
    with (
        zmq.Context[zmq.Socket[bytes]]() as context,
        Publisher("tcp://127.0.0.1:*", keys=keys, context=context) as publisher,
    ):
        options = {"control_endpoint": publisher.control_endpoint, "context": context}
        with Subscriber(publisher.endpoint, **options) as outsider:
            with Subscriber(publisher.endpoint, keys=CurveKeys(public, secret, server_public), **options) as subscriber:
                publisher.send(EndOfStream(stream="bed-1/ecg", offered=0))
                got: list[Message] = []
                for _ in range(2000):
                    publisher.serve()
                    got += subscriber.receive(5)
                    if got:
                        break
                assert len(got) == 1
            assert outsider.receive(20) == []
        with pytest.raises(ConfigError, match="public key"):
            Subscriber(publisher.endpoint, keys=CurveKeys(public, secret), **options)


@pytest.mark.parametrize(
    ("data", "control"),
    [
        ("tcp://10.0.0.1:5555", "tcp://10.0.0.1:5556"),
        ("tcp://127.0.0.1:*", "tcp://127.0.0.1:*"),
        ("ipc:///run/feed", "ipc:///run/feed.control"),
        ("inproc://feed", "inproc://feed.control"),
    ],
)
def test_the_control_endpoint_belongs_to_the_data_endpoint(data: str, control: str) -> None:
    assert control_endpoint(data) == control
