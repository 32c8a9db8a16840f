"""The bus over real sockets: nothing is lost that the publisher still has, and what is lost is told."""

from __future__ import annotations

import random
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq

from heartwire.engine.bus import (
    Patience,
    Position,
    Publisher,
    Subscriber,
)
from heartwire.engine.errors import ConfigError, MalformedMessage, StreamStalled
from heartwire.engine.messages import AlarmEvent, Beat, EcgChunk, EndOfStream, Gap, Message, XrayFrame
from heartwire.engine.wire import Part, encode

STREAM = "bed-1/ecg"
Context = zmq.Context[zmq.Socket[bytes]]


class LossyPublisher(Publisher):
    """Loses the messages of its data socket that `loses` says, as a full PUB socket does; resends come through."""

    loses: Callable[[int], bool]

    def _transmit(self, parts: Sequence[Part]) -> None:
        if not self.loses(self._sent):
            super()._transmit(parts)


def chunk(n: int, stream: str = STREAM) -> EcgChunk:
    samples = np.full((25, 2), n, np.float32)
    return EcgChunk(stream=stream, first_sample=25 * n, rate_hz=250.0, leads=("I", "II"), samples=samples)


def send_all(publisher: Publisher, count: int, stream: str = STREAM) -> None:
    for n in range(count):
        publisher.send(chunk(n, stream))
    publisher.send(EndOfStream(stream=stream, offered=25 * count))


def pump(publisher: Publisher, subscriber: Subscriber, done: Callable[[list[Message]], bool]) -> list[Message]:
    """Serve and receive until it is done."""
    got: list[Message] = []
    for _ in range(2000):
        publisher.serve()
        got += subscriber.receive(5)
        if done(got):
            return got
    pytest.fail(f"{len(got)} messages came: {subscriber.statistics()} {publisher.statistics()}")


def ended(got: list[Message]) -> bool:
    return bool(got) and isinstance(got[-1], EndOfStream)


def told(got: list[Message]) -> list[str]:
    return [f"gap {m.first}+{m.count}" if isinstance(m, Gap) else str(m.seq) for m in got]


def joined(publisher: Publisher, subscriber: Subscriber) -> list[Message]:
    """Serve and receive until the subscriber knows where the stream is."""
    got: list[Message] = []
    for _ in range(2000):
        publisher.serve()
        got += subscriber.receive(5)
        if subscriber.epoch(STREAM) is not None:
            return got
    pytest.fail("the subscriber heard nothing of the stream")


def test_a_late_joiner_gets_everything_from_the_ring(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, context=context) as publisher, Subscriber(endpoint, context=context) as subscriber:
        send_all(publisher, 1000)
        got = pump(publisher, subscriber, ended)
    assert told(got) == [str(n) for n in range(1001)]
    assert subscriber.statistics().missing == 0


@pytest.mark.parametrize("transport", ["ipc", "tcp", "inproc"])
def test_items_and_findings_arrive_whole_over_every_transport(context: Context, tmp_path: Path, transport: str) -> None:
    where = {"ipc": f"ipc://{tmp_path}/bus", "tcp": "tcp://127.0.0.1:*", "inproc": "inproc://bus"}[transport]
    pixels = np.arange(300 * 300, dtype=np.uint16).reshape(300, 300)
    sent: list[Message] = [
        XrayFrame(stream="lab-1/xray", frame=0, pixels=pixels, bits=12, spacing_mm=(0.3, 0.3)),
        Beat(stream="lab-1/xray", sample=1, decision_sample=2, label="N", confidence=1.0),
        EndOfStream(stream="lab-1/xray", offered=1),
    ]
    with Publisher(where, context=context) as publisher:
        options = {"control_endpoint": publisher.control_endpoint, "context": context}
        with Subscriber(publisher.endpoint, **options) as subscriber:
            for message in sent:
                publisher.send(message)
            got = pump(publisher, subscriber, ended)
    assert isinstance(got[0], XrayFrame)
    assert np.array_equal(got[0].pixels, pixels)
    assert got[0].trace.sent_ns == sent[0].trace.sent_ns
    assert got[0].trace.received_ns > got[0].trace.sent_ns
    assert got[1] == sent[1]
    assert got[1].trace.published_ns > 0


def test_an_alarm_is_stamped_with_its_emission(context: Context, endpoint: str) -> None:
    alarm = AlarmEvent(
        stream=STREAM,
        condition="VT",
        mdc=None,
        kind="physiological",
        priority="high",
        change="on",
        onset_sample=1,
        decision_sample=2,
        algorithmic_delay_s=2.9,
    )
    with Publisher(endpoint, context=context) as publisher:
        publisher.send(alarm)
    assert alarm.emitted_ns == alarm.trace.published_ns > 0


def test_what_the_pub_socket_drops_at_its_high_water_mark_is_had_again(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, high_water=5, context=context) as publisher:
        publisher.send(chunk(0))
        with Subscriber(endpoint, high_water=5, context=context) as subscriber:
            got = joined(publisher, subscriber)
            for n in range(1, 5000):
                publisher.send(chunk(n))
            publisher.send(EndOfStream(stream=STREAM, offered=125_000))
            got += pump(publisher, subscriber, ended)
    assert told(got) == [str(n) for n in range(5001)]
    assert subscriber.statistics().recovered > 0


@pytest.mark.parametrize("seed", range(3))
def test_random_losses_are_repaired(context: Context, endpoint: str, seed: int) -> None:
    chance = random.Random(seed)
    with LossyPublisher(endpoint, context=context) as publisher:
        publisher.loses = lambda _: chance.random() < 0.3
        with Subscriber(endpoint, context=context) as subscriber:
            send_all(publisher, 500)
            got = pump(publisher, subscriber, ended)
    assert told(got) == [str(n) for n in range(501)]


def test_a_lost_last_message_comes_with_the_next_heartbeat(context: Context, endpoint: str) -> None:
    with LossyPublisher(endpoint, heartbeat_s=0.02, context=context) as publisher:
        publisher.loses = lambda n: n == 10
        with Subscriber(endpoint, context=context) as subscriber:
            send_all(publisher, 10)
            got = pump(publisher, subscriber, ended)
    assert told(got)[-1] == "10"


def test_what_the_ring_no_longer_has_becomes_a_gap(context: Context, endpoint: str) -> None:
    with LossyPublisher(endpoint, ring_messages=3, context=context) as publisher:
        publisher.loses = lambda n: 5 <= n < 15
        publisher.send(chunk(0))
        with Subscriber(endpoint, context=context) as subscriber:
            got = pump(publisher, subscriber, lambda got: len(got) == 1)
            for n in range(1, 20):
                publisher.send(chunk(n))
            publisher.send(EndOfStream(stream=STREAM, offered=500))
            got += pump(publisher, subscriber, ended)
            counts = subscriber.statistics()
    gaps = [m for m in got if isinstance(m, Gap)]
    covered = sum(m.count if isinstance(m, Gap) else len(m.samples) for m in got if isinstance(m, Gap | EcgChunk))
    assert covered == 500
    assert sum(gap.count for gap in gaps) == 25 * counts.missing >= 250


def test_the_ring_stays_within_its_bytes(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, ring_bytes=10_000, context=context) as publisher:
        send_all(publisher, 1000)
        assert publisher.statistics().kept_bytes <= 10_000
        assert publisher.statistics().kept > 10


def test_the_ring_lets_go_of_what_is_too_old(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, ring_s=0.0, heartbeat_s=0.0, context=context) as publisher:
        send_all(publisher, 10)
        publisher.serve()
        assert publisher.statistics().kept == 0


def test_a_subscriber_sees_only_the_streams_it_wants(context: Context, endpoint: str) -> None:
    subscriber = Subscriber(endpoint, streams=["bed-1/ecg"], context=context)
    with Publisher(endpoint, context=context) as publisher, subscriber:
        for stream in ("bed-1/ecg2", "bed-2/ecg", "bed-1/ecg"):
            send_all(publisher, 5, stream)
        got = pump(publisher, subscriber, ended)
    assert {m.stream for m in got} == {"bed-1/ecg"}
    assert len(got) == 6


def test_hundreds_of_streams_come_without_being_asked_for(context: Context, endpoint: str) -> None:
    streams = [f"bed-{n}/ecg" for n in range(250)]
    with (
        Publisher(endpoint, context=context) as publisher,
        Subscriber(endpoint, streams=streams, context=context) as subscriber,
    ):
        recovered = []
        for n in range(3):
            for stream in streams:
                publisher.send(chunk(n, stream))
            pump(publisher, subscriber, lambda _: subscriber.statistics().delivered == (n + 1) * len(streams))  # noqa: B023
            recovered.append(subscriber.statistics().recovered)
    # Those sent while it joined are asked for.
    assert recovered[1] == recovered[2], "its topics were not heard"


def test_a_live_joiner_gets_no_history(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, context=context) as publisher:
        for n in range(50):
            publisher.send(chunk(n))
        with Subscriber(endpoint, late_join="live", context=context) as subscriber:
            joined(publisher, subscriber)
            for n in range(50, 53):
                publisher.send(chunk(n))
            got = pump(publisher, subscriber, lambda got: len(got) == 3)
    assert told(got) == ["50", "51", "52"]


def test_a_publisher_that_does_not_wait_is_acknowledged_with_the_hello(context: Context, endpoint: str) -> None:
    with (
        Publisher(endpoint, context=context) as publisher,
        Subscriber(endpoint, identity="worker", context=context) as subscriber,
    ):
        send_all(publisher, 3)
        got = pump(publisher, subscriber, ended)
        # The hello to a publisher that it has just met.
        for _ in range(3):
            publisher.serve()
            subscriber.receive(5)
        subscriber.acknowledge(STREAM, got[-1].seq)
        subscriber.receive(0)
        told_at_once = publisher.drain(0.05)
        assert not told_at_once
        # It has asked for them meanwhile.
        while not publisher.drain(0.01):
            subscriber.receive(5)


def test_lossless_sending_waits_for_a_subscriber_and_says_who_is_missing(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, window=4, stall_timeout_s=0.05, context=context) as publisher:
        with pytest.raises(StreamStalled, match="0 of 1 subscribers"):
            publisher.send(chunk(0))
        with Subscriber(endpoint, context=context) as observer:
            joined_observer = observer.receive(50)
            with pytest.raises(StreamStalled, match="0 of 1 subscribers"):
                publisher.send(chunk(0))
    assert not joined_observer


def test_lossless_sending_keeps_within_the_window(context: Context, endpoint: str) -> None:
    publisher = Publisher(endpoint, window=4, stall_timeout_s=0.05, context=context)
    with publisher, Subscriber(endpoint, identity="worker", context=context) as subscriber:
        while not publisher.statistics().followers:
            publisher.serve()
            subscriber.receive(5)
        for n in range(4):
            publisher.send(chunk(n))
        with pytest.raises(StreamStalled, match="acknowledged up to -1"):
            publisher.send(chunk(4))
        got = pump(publisher, subscriber, lambda got: len(got) == 4)
        assert not publisher.drain(0.02)
        subscriber.acknowledge(STREAM, got[1].seq)
        subscriber.receive(0)
        for n in (4, 5):
            publisher.send(chunk(n))
        with pytest.raises(StreamStalled, match="acknowledged up to 1"):
            publisher.send(chunk(6))
        subscriber.acknowledge(STREAM, 5)
        subscriber.receive(0)
        assert publisher.drain(5.0)


def test_a_subscriber_that_leaves_is_waited_for_no_more(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, window=1, expected_subscribers=0, stall_timeout_s=5, context=context) as publisher:
        subscriber = Subscriber(endpoint, identity="worker", context=context)
        while not publisher.statistics().followers:
            publisher.serve()
            subscriber.receive(5)
        publisher.send(chunk(0))
        subscriber.close()
        publisher.send(chunk(1))
        assert publisher.statistics().followers == 0


def test_a_subscriber_that_died_goes_on_under_its_name(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, window=8, context=context) as publisher:
        first = Subscriber(endpoint, identity="worker", context=context)
        while not publisher.statistics().followers:
            publisher.serve()
            first.receive(5)
        for n in range(8):
            publisher.send(chunk(n))
        got = pump(publisher, first, lambda got: len(got) == 8)
        position = Position(got[3].seq, 100, first.epoch(STREAM))
        first.acknowledge(STREAM, 3)
        first.receive(0)
        first.close(leave=False)
        again = Subscriber(endpoint, identity="worker", start_from={STREAM: position}, context=context)
        more = pump(publisher, again, lambda got: len(got) == 4)
        for n in range(8, 12):
            publisher.send(chunk(n))
        more += pump(publisher, again, lambda got: len(got) == 4)
        assert told(more) == [str(n) for n in range(4, 12)]
        again.acknowledge(STREAM, 11)
        again.receive(0)
        assert publisher.drain(5)
        again.close()


def test_a_restored_publisher_goes_on_and_nobody_sees_anything_twice(context: Context, endpoint: str) -> None:
    subscriber = Subscriber(endpoint, context=context)
    publisher = Publisher(endpoint, context=context)
    for n in range(10):
        publisher.send(chunk(n))
    state = publisher.snapshot()
    for n in range(10, 15):
        publisher.send(chunk(n))
    got = pump(publisher, subscriber, lambda got: len(got) == 15)
    publisher.close()
    publisher = Publisher(endpoint, context=context)
    publisher.restore(state)
    for n in range(10, 20):
        publisher.send(chunk(n))
    got += pump(publisher, subscriber, lambda got: len(got) == 5)
    subscriber.close()
    publisher.close()
    assert told(got) == [str(n) for n in range(20)]
    assert subscriber.statistics().restarts == 0


def test_what_nobody_saw_before_the_publisher_died_is_in_its_snapshot(context: Context, endpoint: str) -> None:
    publisher = Publisher(endpoint, context=context)
    send_all(publisher, 10)
    state = publisher.snapshot()
    publisher.close()
    with Publisher(endpoint, context=context) as publisher, Subscriber(endpoint, context=context) as subscriber:
        publisher.restore(state)
        got = pump(publisher, subscriber, ended)
    assert told(got) == [str(n) for n in range(11)]


def test_a_publisher_that_starts_afresh_is_noticed(context: Context, endpoint: str) -> None:
    subscriber = Subscriber(endpoint, context=context)
    for _ in range(2):
        with Publisher(endpoint, context=context) as publisher:
            send_all(publisher, 5)
            got = pump(publisher, subscriber, ended)
        assert told(got) == [str(n) for n in range(6)]
    assert subscriber.statistics().restarts == 1
    subscriber.close()


def test_bytes_that_are_no_snapshot_are_refused(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, context=context) as publisher, pytest.raises(ConfigError):
        publisher.restore(b"\x00nonsense")


def test_nothing_is_given_up_while_the_publisher_says_nothing(context: Context, endpoint: str) -> None:
    patience = Patience(retry_s=0.01)
    with (
        LossyPublisher(endpoint, context=context) as publisher,
        Subscriber(endpoint, patience=patience, context=context) as subscriber,
    ):
        publisher.loses = lambda n: n == 1
        publisher.send(chunk(0))
        got = pump(publisher, subscriber, lambda got: told(got) == ["0"])
        publisher.send(chunk(1))
        publisher.send(chunk(2))
        got += subscriber.receive(300)
        assert told(got) == ["0"]
        assert subscriber.statistics().missing == 0
        got += pump(publisher, subscriber, lambda more: len(more) == 2)
    assert told(got) == ["0", "1", "2"]


def test_an_invalid_message_is_not_sent_and_leaves_no_hole(context: Context, endpoint: str) -> None:
    with Publisher(endpoint, context=context) as publisher, Subscriber(endpoint, context=context) as subscriber:
        publisher.send(chunk(0))
        with pytest.raises(MalformedMessage):
            publisher.send(msgspec.structs.replace(chunk(1), rate_hz=float("nan")))
        with pytest.raises(MalformedMessage):
            publisher.send(chunk(0, stream="x" * 200))
        publisher.send(chunk(1))
        assert told(pump(publisher, subscriber, lambda got: len(got) == 2)) == ["0", "1"]


def test_random_bytes_on_every_socket_are_counted_and_harm_nobody(context: Context) -> None:
    chance = random.Random(5)
    with Publisher("tcp://127.0.0.1:*", context=context) as publisher:
        hello_twice = [b"\x81\xa2do\xa5hello", b"\x81"]
        rogue = context.socket(zmq.DEALER)
        rogue.connect(publisher.control_endpoint)
        for n in range(200):
            rogue.send_multipart([chance.randbytes(chance.randrange(60)) for _ in range(n % 4 + 1)])
        rogue.send_multipart(hello_twice)
        raw = [
            socket.create_connection(("127.0.0.1", int(where.rpartition(":")[2])))
            for where in (publisher.endpoint, publisher.control_endpoint)
        ]
        for connection in raw:
            connection.sendall(chance.randbytes(5000))
        with Subscriber(publisher.endpoint, control_endpoint=publisher.control_endpoint, context=context) as subscriber:
            send_all(publisher, 100)
            got = pump(publisher, subscriber, ended)
            while publisher.statistics().refused < 201:
                publisher.serve(1)
        for connection in raw:
            connection.close()
        rogue.close(linger=0)
    assert told(got) == [str(n) for n in range(101)]
    assert publisher.statistics().refused == 201
    assert "request" in publisher.statistics().last_refusal


def test_a_rogue_publisher_is_refused_message_by_message(context: Context, tmp_path: Path) -> None:
    chance = random.Random(6)
    data, control = context.socket(zmq.PUB), context.socket(zmq.ROUTER)
    data.bind(f"ipc://{tmp_path}/bus")
    control.bind(f"ipc://{tmp_path}/bus.control")
    with Subscriber(f"ipc://{tmp_path}/bus", context=context) as subscriber:
        hello: list[bytes] = []
        while not control.poll(5):
            subscriber.receive(5)
        hello = control.recv_multipart()
        good = [bytes(part) for part in encode(chunk(0))]
        while not subscriber.statistics().received:
            data.send_multipart(good)
            subscriber.receive(5)
        before = subscriber.statistics().refused
        for n in range(300):
            parts = [chance.randbytes(chance.randrange(50)) for _ in range(n % 4 + 1)]
            if n % 3 == 0:
                parts = [chance.choice([b"offer", b"resent", good[0]]), *parts]
            data.send_multipart(parts)
            control.send_multipart([hello[0], *parts])
        while subscriber.statistics().refused < before + 600:
            subscriber.receive(5)
    data.close(linger=0)
    control.close(linger=0)


def test_a_plain_device_without_control_socket_is_received_and_its_gaps_told(context: Context, tmp_path: Path) -> None:
    device = context.socket(zmq.PUB)
    device.bind(f"ipc://{tmp_path}/bus")
    got: list[Message] = []
    with Subscriber(f"ipc://{tmp_path}/bus", patience=Patience(retry_s=0.01, retries=3), context=context) as subscriber:
        seq = 0
        while not any(isinstance(m, Gap) for m in got):
            if seq % 7:
                message = chunk(seq)
                message.seq = seq
                device.send_multipart(encode(message))
            seq += 1
            got += subscriber.receive(10)
    device.close(linger=0)
    starts = [m.first_sample if isinstance(m, EcgChunk) else m.first for m in got]
    assert starts == list(range(starts[0], starts[-1] + 1, 25))
    assert all(m.first % 175 == 0 and m.count == 25 for m in got if isinstance(m, Gap))


def test_an_endpoint_that_is_none_is_an_error_of_the_configuration(context: Context) -> None:
    with pytest.raises(ConfigError, match="cannot publish"):
        Publisher("tcp://256.0.0.1:99999", context=context)
    with pytest.raises(ConfigError, match="nowhere"):
        Subscriber("nowhere", context=context)
