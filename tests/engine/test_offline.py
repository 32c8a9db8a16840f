"""A recording through the engine: every item and finding reaches the sinks, whatever is taken at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pytest

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import Beat, EcgChunk, EndOfStream, Finding, Gap, Item, Message, XrayFrame
from heartwire.engine.offline import analyse
from heartwire.engine.processor import Processor
from heartwire.engine.source import Source

STREAM = "bed-1/ecg"


class Listed(Source):
    items: list[Item]

    def open(self) -> Iterator[Item]:
        return iter(self.items)


class OnePerItem(Processor):
    """A beat for each chunk; notes how many items came at once."""

    algorithmic_delay_s = 0.0

    def __init__(self) -> None:
        self.batches: list[int] = []

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, EcgChunk):
            at = item.first_sample
            yield Beat(stream=STREAM, sample=at, decision_sample=at, label="N", confidence=1.0)

    def process_many(self, items: Sequence[Item]) -> Iterable[Finding]:
        self.batches.append(len(items))
        return super().process_many(items)

    def reset(self) -> None: ...

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None: ...


class Kept:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    def write(self, message: Message) -> None:
        self.messages.append(message)

    def close(self) -> None: ...


def chunks(n: int, samples: int) -> list[Item]:
    return [
        EcgChunk(
            stream=STREAM, first_sample=i * samples, rate_hz=250.0, leads=("II",),
            samples=np.zeros((samples, 1), np.float32),
        )
        for i in range(n)
    ]  # fmt: skip


@pytest.mark.parametrize("samples", [25, 5000])
def test_every_item_and_finding_is_written_items_first(samples: int) -> None:
    items = chunks(7, samples)
    items[3] = Gap(stream=STREAM, first=3 * samples, count=samples)
    items.append(EndOfStream(stream=STREAM, offered=7 * samples))
    sink, progress = Kept(), list[int]()
    report = analyse(Listed(stream=STREAM, items=items), OnePerItem(), [sink], progress.append)
    assert [m for m in sink.messages if not isinstance(m, Beat)] == items
    found = [m for m in sink.messages if isinstance(m, Beat)]
    assert [beat.sample for beat in found] == [i * samples for i in (0, 1, 2, 4, 5, 6)]
    assert all(sink.messages.index(items[b.sample // samples]) < sink.messages.index(b) for b in found)
    assert (report.offered, report.processed, report.missing, report.in_flight) == (
        7 * samples,
        6 * samples,
        samples,
        0,
    )
    assert progress[-1] == 7 * samples


def test_some_seconds_of_ecg_are_taken_at_once_and_frames_one_by_one() -> None:
    processor = OnePerItem()
    analyse(Listed(stream=STREAM, items=chunks(250, 25)), processor, [])
    assert processor.batches == [100, 100, 50]
    processor = OnePerItem()
    frames: list[Item] = [XrayFrame(stream=STREAM, frame=n, pixels=np.zeros((4, 4), np.uint8)) for n in range(3)]
    analyse(Listed(stream=STREAM, items=frames), processor, [])
    assert processor.batches == [1, 1, 1]


class Failing(Listed):
    def open(self) -> Iterator[Item]:
        yield from self.items
        msg = "the disk is gone"
        raise SourceError(msg)


def test_what_came_before_a_source_failed_is_analysed() -> None:
    chunks: list[Item] = [
        EcgChunk(stream=STREAM, first_sample=first, rate_hz=250.0, leads=("I",), samples=np.zeros((250, 1), np.float32))
        for first in (0, 250)
    ]
    processor, done = OnePerItem(), []
    with pytest.raises(SourceError, match="the disk is gone"):
        analyse(Failing(stream=STREAM, items=chunks), processor, [], done.append)
    assert done == [500]
