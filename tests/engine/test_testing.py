"""The conformance kit finds each breach of the contract."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator

import msgspec
import numpy as np
import pytest

from heartwire.engine import testing
from heartwire.engine.messages import Beat, CatheterFix, EcgChunk, EndOfStream, Finding, Gap, Item, XrayFrame
from heartwire.engine.processor import Processor

STREAM = "bed-1/ecg"


class Crossings(Processor):
    """A beat wherever the first lead comes to 1 mV; tells it five samples later."""

    algorithmic_delay_s = 0.05
    told_after = 5

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.above = False
        self.pending: list[int] = []

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, Gap):
            self.reset()
        elif isinstance(item, EcgChunk):
            for number, value in enumerate(item.samples[:, 0], item.first_sample):
                yield from self.sample(number, float(value))
        elif not isinstance(item, EndOfStream):
            raise TypeError(type(item).__name__)

    def sample(self, number: int, value: float) -> Iterator[Finding]:
        if value >= 1.0 and not self.above:
            self.pending.append(number)
        self.above = value >= 1.0
        if self.pending and number >= self.pending[0] + self.told_after:
            yield self.beat(self.pending.pop(0), number)

    def beat(self, sample: int, decision: int) -> Beat:
        return Beat(stream=STREAM, sample=sample, decision_sample=decision, label="N", confidence=1.0)

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self.above, self.pending))

    def restore(self, state: bytes) -> None:
        self.above, self.pending = msgspec.msgpack.decode(state, type=tuple[bool, list[int]])


def items(seconds: int = 10) -> list[Item]:
    wave = np.zeros((seconds * 100, 1), np.float32)
    wave[23::25] = 1.5
    chunks = [
        EcgChunk(stream=STREAM, first_sample=at, rate_hz=100.0, leads=("II",), samples=wave[at : at + 25])
        for at in range(0, len(wave), 25)
    ]
    return [*chunks, EndOfStream(stream=STREAM, offered=len(wave))]


class PerMessage(Crossings):
    """Looks at the largest sample of each message only."""

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, EcgChunk) and item.samples.max() >= 1.0:
            at = item.first_sample + int(item.samples[:, 0].argmax())
            return [self.beat(at, item.end_sample - 1)]
        return list(super().process(item)) if not isinstance(item, EcgChunk) else []


class ForgetfulReset(Crossings):
    def reset(self) -> None:
        if not hasattr(self, "pending"):
            super().reset()


class PoorSnapshot(Crossings):
    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self.above, []))


class TooSlow(Crossings):
    told_after = 9


class Guessing(Crossings):
    def beat(self, sample: int, decision: int) -> Beat:
        return super().beat(sample, sample + 60)


class Late(Crossings):
    def beat(self, sample: int, decision: int) -> Beat:
        return super().beat(sample, sample)


class ScalingItsInput(Crossings):
    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, EcgChunk):
            item.samples *= 2.0
        return super().process(item)


class AfraidOfGaps(Crossings):
    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, Gap):
            raise ValueError("afraid")
        return super().process(item)


class CountingMessages(Crossings):
    """After a gap it counts on as if nothing were missing."""

    missing = 0

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, Gap):
            self.missing += item.count
        for finding in super().process(item):
            assert isinstance(finding, Beat)
            yield msgspec.structs.replace(finding, decision_sample=finding.decision_sample - self.missing)


class TakingAnything(Crossings):
    def process(self, item: Item) -> Iterable[Finding]:
        return super().process(item) if isinstance(item, EcgChunk | Gap | EndOfStream) else []


class AtRandom(Crossings):
    def beat(self, sample: int, decision: int) -> Beat:
        return msgspec.structs.replace(super().beat(sample, decision), confidence=random.random())


class WithNumpyNumbers(Crossings):
    def beat(self, sample: int, decision: int) -> Beat:
        return msgspec.structs.replace(super().beat(sample, decision), confidence=np.float32(0.5))


class OfAnotherStream(Crossings):
    def beat(self, sample: int, decision: int) -> Beat:
        return msgspec.structs.replace(super().beat(sample, decision), stream="bed-2/ecg")


class LosingMany(Crossings):
    def process_many(self, items: Iterable[Item]) -> Iterable[Finding]:
        for item in list(items)[-1:]:
            yield from self.process(item)


def test_a_sound_processor_passes() -> None:
    testing.check_processor(Crossings, items())


@pytest.mark.parametrize(
    ("processor", "what"),
    [
        (PerMessage, "in chunks of"),
        (ForgetfulReset, "after reset"),
        (PoorSnapshot, "restored at item"),
        (TooSlow, "0.090 s from event to decision, 0.05 s declared"),
        (Guessing, "told when only samples before"),
        (Late, "told only with sample"),
        (ScalingItsInput, "read-only|changed its input"),
        (AfraidOfGaps, "afraid"),
        (CountingMessages, "told only with sample"),
        (TakingAnything, "raise TypeError"),
        (AtRandom, "differs"),
        (WithNumpyNumbers, "float32"),
        (OfAnotherStream, "bed-2/ecg"),
        (LosingMany, "process_many"),
    ],
)
def test_each_breach_is_found(processor: Callable[[], Processor], what: str) -> None:
    with pytest.raises((AssertionError, TypeError, ValueError), match=what):
        testing.check_processor(processor, items())


def test_items_without_findings_prove_nothing() -> None:
    with pytest.raises(AssertionError, match="prove nothing"):
        testing.check_processor(Crossings, items()[:1])
    testing.check_processor(Crossings, items()[:1], expect_findings=False)


def test_cutting_anew_keeps_samples_gaps_and_times() -> None:
    first, gap, last = items()[0], Gap(stream=STREAM, first=25, count=25), items()[2]
    assert isinstance(first, EcgChunk)
    first.captured_ns = 1_000_000_000
    cut = list(testing.rechunk([first, gap, last], (10, 3)))
    assert [c.first_sample for c in cut if isinstance(c, EcgChunk)] == [0, 10, 13, 23, 50, 60, 63, 73]
    assert cut[4] is gap
    assert isinstance(cut[0], EcgChunk)
    assert cut[0].captured_ns == 850_000_000


class Counting(Processor):
    """Says of each frame that nothing is in it."""

    algorithmic_delay_s = 0.0

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, XrayFrame):
            return [CatheterFix(stream=item.stream, frame=item.frame, captured_ns=item.captured_ns, devices=[])]
        if isinstance(item, Gap | EndOfStream):
            return []
        raise TypeError(type(item).__name__)

    def reset(self) -> None:
        pass

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None:
        pass


def test_processors_of_frames_are_checked_too() -> None:
    frames = [XrayFrame(stream="lab/xray", frame=n, pixels=np.zeros((8, 8), np.uint8), rate_hz=15.0) for n in range(9)]
    testing.check_processor(Counting, frames)
