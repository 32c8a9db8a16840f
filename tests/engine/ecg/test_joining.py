"""Chunks that follow each other become one; nothing else does."""

from __future__ import annotations

import numpy as np

from heartwire.engine.ecg.joining import joined
from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Item


def chunk(first: int, n: int = 10, *, rate_hz: float = 250.0, leads: tuple[str, ...] = ("I", "II")) -> EcgChunk:
    samples = np.arange(first, first + n, dtype=np.float32)[:, None] * np.ones(len(leads), np.float32)
    return EcgChunk(stream="s", first_sample=first, rate_hz=rate_hz, leads=leads, samples=samples)


def shape_of(items: list[Item]) -> list[tuple[int, int] | str]:
    return [(i.first_sample, len(i.samples)) if isinstance(i, EcgChunk) else type(i).__name__ for i in items]


def test_chunks_in_a_row_become_one_with_the_trace_of_the_last() -> None:
    items = [chunk(0), chunk(10), chunk(20, 5)]
    items[2].trace.intended_ns = 9
    (one,) = joined(items)
    assert isinstance(one, EcgChunk)
    assert (one.first_sample, one.end_sample, one.trace.intended_ns) == (0, 25, 9)
    assert one.samples[:, 1].tolist() == list(range(25))


def test_gaps_ends_jumps_and_other_signals_stand_between() -> None:
    items: list[Item] = [
        chunk(0),
        Gap(stream="s", first=10, count=5),
        chunk(15),
        chunk(30),
        chunk(40),
        chunk(50, rate_hz=500.0),
        chunk(60, leads=("I",)),
        EndOfStream(stream="s", offered=70),
    ]
    expected = [(0, 10), "Gap", (15, 10), (30, 20), (50, 10), (60, 10), "EndOfStream"]
    assert shape_of(list(joined(items))) == expected
    assert list(joined([])) == []
