"""Samples are worked on again and again, a frame once before the next is expected; all as one signal."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from heartwire.engine.errors import ProcessorError
from heartwire.engine.messages import EcgChunk, Finding, Item, XrayFrame, number_of
from heartwire.engine.processor import Processor
from heartwire.engine.warmth import NEVER_NS, Warmth

S = 1_000_000_000


class Noting(Processor):
    """Notes what it is given."""

    algorithmic_delay_s = 0.0

    def __init__(self) -> None:
        self.taken: list[EcgChunk | XrayFrame] = []
        self.fails = False

    def process(self, item: Item) -> Iterable[Finding]:
        if self.fails:
            msg = "broken"
            raise RuntimeError(msg)
        assert isinstance(item, EcgChunk | XrayFrame)
        self.taken.append(item)
        return []

    def reset(self) -> None: ...

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None: ...


@pytest.fixture
def spare() -> Noting:
    return Noting()


@pytest.fixture
def warmth(spare: Noting) -> Warmth:
    return Warmth(spare, "a")


def samples(first: int) -> EcgChunk:
    return EcgChunk(stream="a", first_sample=first, rate_hz=250.0, leads=("II",), samples=np.zeros((25, 1), np.float32))


def frame(number: int, value: int = 0) -> XrayFrame:
    return XrayFrame(stream="a", frame=number, pixels=np.full((4, 4), value, np.uint8), rate_hz=1.0)


def test_before_anything_came_there_is_nothing_to_work_on(warmth: Warmth, spare: Noting) -> None:
    assert warmth.due_ns == NEVER_NS
    warmth.work()
    assert not spare.taken


def test_samples_are_worked_on_again_and_again_as_one_signal(warmth: Warmth, spare: Noting) -> None:
    for n in range(3):
        warmth.note(samples(1000 * n), n * S)
        assert warmth.due_ns == n * S
        warmth.work()
        warmth.work()
    assert [number_of(item) for item in spare.taken] == [25 * n for n in range(6)]
    assert warmth.due_ns < NEVER_NS


def test_a_frame_is_worked_on_once_before_the_next_is_expected(warmth: Warmth, spare: Noting) -> None:
    warmth.note(frame(7), S)
    warmth.note(frame(8), 2 * S)
    assert 2.9 * S < warmth.due_ns < 3 * S
    warmth.work()
    assert warmth.due_ns == NEVER_NS
    warmth.note(frame(9), 3 * S)
    warmth.work()
    assert [number_of(item) for item in spare.taken] == [0, 1]


def test_frames_that_come_fast_keep_themselves_warm(warmth: Warmth) -> None:
    warmth.note(frame(0), S)
    warmth.note(frame(1), S + S // 15)
    assert warmth.due_ns == NEVER_NS


def test_the_pixels_of_a_frame_are_kept_though_their_place_is_written_over(warmth: Warmth, spare: Noting) -> None:
    given = frame(0, value=3)
    warmth.note(given, S)
    given.pixels[:] = 9
    # Of frames that come fast nothing is kept.
    warmth.note(frame(1, value=5), S + S // 30)
    warmth.work()
    (item,) = spare.taken
    assert isinstance(item, XrayFrame)
    assert (item.pixels == 3).all()


def test_a_processor_that_fails_is_named_with_its_stream(warmth: Warmth, spare: Noting) -> None:
    warmth.note(samples(0), S)
    spare.fails = True
    with pytest.raises(ProcessorError, match="broken"):
        warmth.work()
