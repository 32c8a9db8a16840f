"""Frames in shared memory: whole or not there, whoever is late, killed or on another host."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import numpy as np
import pytest
import zmq
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine import subscriber as subscribing
from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.errors import FrameOverwritten, MalformedMessage
from heartwire.engine.messages import Message, XrayFrame
from heartwire.engine.slots import USABLE, SlotReader, SlotWriter, decode_descriptor

pytestmark = pytest.mark.skipif(not USABLE, reason="needs memfd_create and x86-64")

STREAM = "lab-1/xray"
SHAPE = (400, 400)
"""160 kB of uint8: large enough for slots."""


def _frame(number: int, shape: tuple[int, int] = SHAPE) -> XrayFrame:
    pixels = np.full(shape, number % 251, np.uint8)
    return XrayFrame(stream=STREAM, frame=number, pixels=pixels, rate_hz=30.0)


def _is_whole(frame: XrayFrame) -> bool:
    return bool((frame.pixels == frame.frame % 251).all())


def _receive(publisher: Publisher, subscriber: Subscriber, count: int) -> list[XrayFrame]:
    """Take so many frames; the test's own time limit ends a wait in vain."""
    found: list[Message] = []
    while len(found) < count:
        publisher.serve()
        found += subscriber.receive(5)
    assert all(isinstance(message, XrayFrame) for message in found)
    return found  # type: ignore[return-value]


def _attached(publisher: Publisher, subscriber: Subscriber) -> int:
    """Send frames until the subscriber reads them from shared memory; give how many were sent."""
    sent = 0
    while not subscriber._slots:
        publisher.send(_frame(sent))
        sent += 1
        _receive(publisher, subscriber, 1)
    # Until nobody wants the bytes any more.
    while publisher._wanted(b"xray/" + STREAM.encode()):
        publisher.serve(1)
        subscriber.receive(1)
    return sent


@given(data=st.data(), slots=st.integers(2, 4))
@settings(deadline=None)
def test_a_slot_written_over_is_never_taken_for_intact(data: st.DataObject, slots: int) -> None:
    writer = SlotWriter(slots, 64)
    reader = SlotReader(writer.segment)
    told = []
    for number in range(data.draw(st.integers(1, 12))):
        if data.draw(st.booleans()):
            writer.reserve((8, 8), np.uint8)[:] = number
        told.append(writer.put(np.full((8, 8), number, np.uint8)))
    written_from = len(told) + 1 if data.draw(st.booleans()) else len(told)
    if written_from > len(told):
        writer.reserve((8, 8), np.uint8)[0] = 255
    for number, descriptor in enumerate(told):
        slot = reader.find(decode_descriptor(descriptor.encode()))
        assert (slot is not None) == (number >= written_from - slots)
        assert slot is None or (slot.memory == number).all()
    writer.close()


def test_a_frame_torn_while_it_is_read_is_told() -> None:
    writer = SlotWriter(2, 64)
    reader = SlotReader(writer.segment)
    told = writer.put(np.zeros((8, 8), np.uint8))
    slot = reader.find(told)
    assert slot is not None
    frame = XrayFrame(stream=STREAM, frame=7, pixels=slot.memory.reshape(8, 8), slot=slot)
    frame.check()
    writer.put(np.ones((8, 8), np.uint8))
    frame.check()
    writer.reserve((8, 8), np.uint8)[:4] = 2
    with pytest.raises(FrameOverwritten, match="frame 7"):
        frame.check()
    writer.close()


def test_a_writer_as_fast_as_it_can_never_passes_a_torn_frame_off_as_whole() -> None:
    writer = SlotWriter(2, 1 << 16)
    reader = SlotReader(writer.segment)
    told = [writer.put(np.zeros((256, 256), np.uint8))]
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            told[0] = writer.put(np.full((256, 256), number % 251, np.uint8))

    thread = threading.Thread(target=write)
    thread.start()
    try:
        intact = torn = 0
        while intact < 200 or torn < 20:
            slot = reader.find(told[0])
            if slot is None:
                torn += 1
                continue
            pixels = slot.memory.copy()
            if slot.intact:
                intact += 1
                assert (pixels == pixels[0]).all()
            else:
                torn += 1
    finally:
        done.set()
        thread.join()
    writer.close()


@pytest.mark.parametrize("payload", [b"", b"x" * 31, b"x" * 33])
def test_a_descriptor_of_another_length_is_refused(payload: bytes) -> None:
    with pytest.raises(MalformedMessage, match="descriptor"):
        decode_descriptor(payload)


def test_a_descriptor_of_a_slot_that_cannot_be_is_refused() -> None:
    writer = SlotWriter(2, 64)
    reader = SlotReader(writer.segment)
    told = writer.put(np.zeros((8, 8), np.uint8))
    for wrong in (told._replace(slot=2), told._replace(n_bytes=1 << 20)):
        with pytest.raises(MalformedMessage, match="there is none"):
            reader.find(wrong)
    assert reader.find(told._replace(number=told.number + 1)) is None
    writer.close()


def test_other_memory_is_not_taken_for_it() -> None:
    writer, other = SlotWriter(2, 64), SlotWriter(2, 64)
    with pytest.raises(OSError, match="not the memory"):
        SlotReader(msgspec.structs.replace(writer.segment, path=other.segment.path))
    with pytest.raises(OSError, match="holds"):
        SlotReader(msgspec.structs.replace(writer.segment, slots=200))
    open_file = os.memfd_create("not sealed")
    os.ftruncate(open_file, 1 << 20)
    reading, writing = os.pipe()
    own = [f"/proc/{os.getpid()}/fd/{file}" for file in (open_file, reading)]
    for path in ("/proc/1/fd/99999", "/etc/hostname", *own):
        with pytest.raises(OSError):  # noqa: PT011 - as the system words it
            SlotReader(msgspec.structs.replace(writer.segment, path=path))
    for file in (open_file, reading, writing):
        os.close(file)
    writer.close()
    other.close()


@pytest.mark.parametrize("in_place", [False, True])
def test_frames_come_through_shared_memory(tmp_path: Path, in_place: bool) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/bus") as publisher,
        Subscriber(publisher.endpoint, streams=[STREAM], in_place=[STREAM] if in_place else []) as subscriber,
    ):
        first = _attached(publisher, subscriber)
        before = subscriber.statistics()
        for number in range(first, first + 5):
            publisher.send(_frame(number))
            (frame,) = _receive(publisher, subscriber, 1)
            assert frame.frame == number
            assert _is_whole(frame)
            assert frame.pixels.flags.writeable != in_place
            assert (frame.slot is not None) == in_place
        after = subscriber.statistics()
        assert after.delivered == before.delivered + 5
        assert (after.recovered, after.missing) == (before.recovered, 0)


def test_a_slow_reader_has_what_was_written_over_sent_again(tmp_path: Path) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/bus", slots=3) as publisher,
        Subscriber(publisher.endpoint, streams=[STREAM]) as subscriber,
    ):
        first = _attached(publisher, subscriber)
        for number in range(first, first + 10):
            publisher.send(_frame(number))
        frames = _receive(publisher, subscriber, 10)
        assert [frame.frame for frame in frames] == list(range(first, first + 10))
        assert all(map(_is_whole, frames))
        statistics = subscriber.statistics()
        assert statistics.missing == 0
        assert statistics.recovered >= 7


def test_who_cannot_open_the_memory_is_sent_the_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> SlotReader:
        raise PermissionError

    with (
        Publisher(f"ipc://{tmp_path}/bus") as publisher,
        Subscriber(publisher.endpoint, streams=[STREAM]) as near,
    ):
        first = _attached(publisher, near)
        monkeypatch.setattr(subscribing, "SlotReader", refuse)
        with Subscriber(publisher.endpoint, streams=[STREAM], late_join="live") as far:
            while not publisher._wanted(b"xray/" + STREAM.encode()):
                publisher.serve(1)
                far.receive(1)
            publisher.send(_frame(first))
            for subscriber in (near, far):
                (frame,) = _receive(publisher, subscriber, 1)
                assert frame.frame == first
                assert _is_whole(frame)
            assert near._slots
            assert not far._slots


def test_a_reserved_array_is_sent_without_a_copy(tmp_path: Path) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/bus") as publisher,
        Subscriber(publisher.endpoint, streams=[STREAM], in_place=[STREAM]) as subscriber,
    ):
        first = _attached(publisher, subscriber)
        pixels = publisher.reserve(STREAM, SHAPE, np.uint8)
        pixels[...] = first % 251
        publisher.send(XrayFrame(stream=STREAM, frame=first, pixels=pixels, rate_hz=30.0))
        (frame,) = _receive(publisher, subscriber, 1)
        assert _is_whole(frame)
        pixels[0, 0] = 255  # against the rules, to show that it is the same memory
        assert frame.pixels[0, 0] == 255


def test_larger_frames_get_larger_slots(tmp_path: Path) -> None:
    with (
        Publisher(f"ipc://{tmp_path}/bus") as publisher,
        Subscriber(publisher.endpoint, streams=[STREAM]) as subscriber,
    ):
        first = _attached(publisher, subscriber)
        frames = []
        for number in range(first, first + 4):
            publisher.send(_frame(number, (800, 900)))
            frames += _receive(publisher, subscriber, 1)
        assert [frame.pixels.shape for frame in frames] == [(800, 900)] * 4
        assert all(map(_is_whole, frames))
        assert subscriber.statistics().missing == 0


@pytest.mark.parametrize("options", [{"slots": 0}, {"window": 4}])
def test_lossless_publishers_and_those_told_so_have_no_slots(tmp_path: Path, options: dict[str, int]) -> None:
    with Publisher(f"ipc://{tmp_path}/bus", **options) as publisher:
        assert publisher.reserve(STREAM, SHAPE, np.uint8).shape == SHAPE
        assert not publisher._slots


_KILLED = """
import sys, time
import numpy as np
from heartwire.engine.bus import Publisher
from heartwire.engine.messages import XrayFrame
with Publisher(sys.argv[1]) as publisher:
    number = 0
    while True:
        pixels = np.full((400, 400), number % 251, np.uint8)
        publisher.send(XrayFrame(stream="lab-1/xray", frame=number, pixels=pixels, rate_hz=30.0))
        number += 1
        publisher.serve(2)
"""


def test_a_killed_publisher_leaves_nothing_behind_and_another_is_followed(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/bus"
    with Subscriber(endpoint, streams=[STREAM], late_join="live") as subscriber:
        numbers = []
        for _ in range(2):
            process = subprocess.Popen([sys.executable, "-P", "-c", _KILLED, endpoint])
            try:
                known = dict(subscriber._slots)
                while subscriber._slots.get(STREAM) is known.get(STREAM):
                    subscriber.receive(20)
                while not (frames := subscriber.receive(20)):
                    pass
                assert all(isinstance(f, XrayFrame) and _is_whole(f) for f in frames)
                numbers.append(subscriber._slots[STREAM].segment.number)
                path = subscriber._slots[STREAM].segment.path
            finally:
                process.send_signal(signal.SIGKILL)
                process.wait()
            assert not os.path.exists(path)
        assert len(set(numbers)) == 2


def test_a_reader_that_is_gone_hinders_nobody(tmp_path: Path) -> None:
    with Publisher(f"ipc://{tmp_path}/bus") as publisher, zmq.Context() as context:
        subscriber = Subscriber(publisher.endpoint, streams=[STREAM], context=context)
        first = _attached(publisher, subscriber)
        subscriber.close(leave=False)
        for number in range(first, first + 20):
            publisher.send(_frame(number))
        with Subscriber(publisher.endpoint, streams=[STREAM]) as other:
            frames = _receive(publisher, other, first + 20)
            assert all(map(_is_whole, frames))
