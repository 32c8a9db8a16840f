"""Every peer gets the same bytes at the same times, and the same step."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from heartwire.benchmarks.peers.engine_steps import LoadSource, create
from heartwire.benchmarks.peers.work import Load, Step, stream_id
from heartwire.engine.messages import EcgChunk, EndOfStream, Item, XrayFrame
from heartwire.engine.testing import check_processor

FILTERED = Load(streams=2, seconds=2.0, filtered=True)
FRAMES = Load(kind="frames", streams=1, seconds=1.0, frame_px=32)


def _items(load: Load) -> list[Item]:
    return list(LoadSource(stream=stream_id(load, 0), load=load, number=0).open())


def test_messages_are_due_in_order_a_period_apart_in_each_stream() -> None:
    due = FILTERED.due()
    assert due == sorted(due)
    assert len(due) == 2 * 20
    for stream in (0, 1):
        assert {b - a for a, b in pairwise(t for t, s, _ in due if s == stream)} == {100_000_000}


def test_the_engine_is_fed_what_the_others_are_fed() -> None:
    *chunks, end = _items(FILTERED)
    assert isinstance(end, EndOfStream)
    for n, chunk in enumerate(chunks):
        assert isinstance(chunk, EcgChunk)
        assert np.array_equal(chunk.samples, FILTERED.message(0, n))
        assert chunk.captured_ns + FILTERED.phases_ns[0] == FILTERED.intended_ns(0, n)
    frames = [item.pixels for item in _items(FRAMES) if isinstance(item, XrayFrame)]
    assert all(np.array_equal(pixels, FRAMES.message(0, n)) for n, pixels in enumerate(frames))


def test_the_filter_carries_its_state_over_messages() -> None:
    whole, cut = Step(FILTERED), Step(FILTERED)
    signal = np.concatenate([FILTERED.message(0, n) for n in range(4)])
    pieces = [cut.samples(piece) for piece in np.array_split(signal, 7)]
    assert np.array_equal(np.concatenate(pieces), whole.samples(signal))


def test_the_processor_keeps_the_contract() -> None:
    fields = {"seconds": 2.0, "filtered": True}
    check_processor(lambda: create("bed-0/ecg", {"load": fields}), _items(FILTERED))
    frames = {"kind": "frames", "streams": 1, "frame_px": 32}
    check_processor(lambda: create("lab-0/xray", {"load": frames, "steps": 2}), _items(FRAMES))
