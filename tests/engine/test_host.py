"""A stream's host keeps the account, carries on after a failing processor, and goes on from its snapshot."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import pytest

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.errors import ProcessorError
from heartwire.engine.host import StreamHost
from heartwire.engine.messages import AlarmEvent, EcgChunk, EndOfStream, Finding, Gap, HeartRate, Item
from heartwire.engine.processor import Processor

STREAM = "bed-1/ecg"


class Counting(Processor):
    """Adds up the samples it has seen; raises for a chunk that begins with 13 mV."""

    algorithmic_delay_s = 0.0

    def __init__(self) -> None:
        self.total = 0
        self.gaps: list[tuple[int, int]] = []

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, Gap):
            self.gaps.append((item.first, item.count))
        if isinstance(item, EcgChunk):
            if item.samples[0, 0] == 13:
                msg = "unlucky"
                raise ValueError(msg)
            self.total += len(item.samples)
            yield HeartRate(
                stream=STREAM, sample=item.first_sample, decision_sample=item.first_sample, rate_bpm=self.total
            )

    def reset(self) -> None:
        self.total = 0

    def snapshot(self) -> bytes:
        return str(self.total).encode()

    def restore(self, state: bytes) -> None:
        self.total = int(state)


def chunk(first: int, value: float = 0.0, n: int = 10, seq: int = 0) -> EcgChunk:
    samples = np.full((n, 1), value, np.float32)
    return EcgChunk(stream=STREAM, first_sample=first, rate_hz=250.0, leads=("II",), samples=samples, seq=seq)


def test_findings_take_over_the_trace_of_the_item_that_completed_them() -> None:
    item = chunk(0)
    item.trace.intended_ns = 7
    (finding,) = StreamHost(STREAM, Counting()).handle_many([item])
    assert finding.trace.intended_ns == 7
    assert finding.trace.decided_ns >= finding.trace.dequeued_ns > 0


def test_the_account_balances_with_gaps_and_drops() -> None:
    host = StreamHost(STREAM, Counting())
    host.handle_many([chunk(0)])
    host.handle_many([Gap(stream=STREAM, first=10, count=5)])
    host.drop(chunk(15), "stale")
    host.handle_many([EndOfStream(stream=STREAM, offered=25)])
    report = host.ledger.report(final=True)
    assert (report.offered, report.processed, report.dropped, report.missing) == (25, 10, {"stale": 10}, 5)
    assert host.ledger.balance()
    assert host.ended


def test_items_that_wait_are_processed_at_once_with_one_account_of_all() -> None:
    host = StreamHost(STREAM, Counting())
    findings = host.handle_many([chunk(0, seq=1), chunk(10, seq=2), Gap(stream=STREAM, first=20, count=5, seq=3)])
    assert [f.sample for f in findings] == [0, 10]
    assert (host.next_number, host.last_seq, host.ledger.balance()) == (25, 3, True)
    with pytest.raises(ProcessorError, match="unlucky"):
        host.handle_many([chunk(25), chunk(35, 13.0)])
    assert host.ledger.report().dropped == {"processor": 20}


def test_a_failing_processor_is_put_back_told_of_the_gap_and_goes_on() -> None:
    processor = Counting()
    host = StreamHost(STREAM, processor)
    host.handle_many([chunk(0)])
    host.snapshot()
    host.handle_many([chunk(10)])
    with pytest.raises(ProcessorError, match="unlucky"):
        host.handle_many([chunk(20, 13.0)])
    assert processor.gaps == [(10, 20)]
    (finding,) = host.handle_many([chunk(30)])
    assert isinstance(finding, HeartRate)
    assert finding.rate_bpm == 20
    assert host.ledger.report().dropped == {"processor": 10}


def test_a_stream_without_its_model_drops_everything_by_cause_model() -> None:
    host = StreamHost(STREAM, None)
    assert host.handle_many([chunk(0)]) == []
    host.handle_many([EndOfStream(stream=STREAM, offered=10)])
    assert host.ledger.report().dropped == {"model": 10}
    assert host.ledger.balance()
    assert host.ended


def test_snapshot_and_restore_equal_never_stopped() -> None:
    host, other = StreamHost(STREAM, Counting()), StreamHost(STREAM, Counting())
    host.handle_many([chunk(0, seq=4)])
    other.restore(host.snapshot())
    assert (other.last_seq, other.next_number) == (4, 10)
    (one,), (two,) = host.handle_many([chunk(10)]), other.handle_many([chunk(10)])
    assert isinstance(one, HeartRate)
    assert isinstance(two, HeartRate)
    assert one.rate_bpm == two.rate_bpm
    assert host.ledger.report() == other.ledger.report()


class Alarming(Counting):
    """Raises TACHY with the first chunk and VF with one that begins with 7 mV; ends neither. Fails as `Counting`."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: AlarmBoard = AlarmBoard(STREAM)

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, EcgChunk):
            yield from self.alarms.advance(item.first_sample, item.first_sample / item.rate_hz)
            code = "VF" if item.samples[0, 0] == 7 else "TACHY"
            yield from self.alarms.begin(code, item.first_sample, item.first_sample, item.rate_hz, {})
        yield from super().process(item)

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode((self.total, self.alarms.snapshot()))

    def restore(self, state: bytes) -> None:
        self.total, alarms = msgspec.msgpack.decode(state, type=tuple[int, bytes])
        self.alarms.restore(alarms)

    def reset(self) -> None:
        super().reset()
        self.alarms.reset()


@pytest.mark.parametrize("restores", [True, False])
def test_alarms_that_were_told_do_not_go_back_with_a_processor_that_failed(
    monkeypatch: pytest.MonkeyPatch, restores: bool
) -> None:
    processor = Alarming()
    host = StreamHost(STREAM, processor)
    host.snapshot()
    (told, _) = host.handle_many([chunk(0, 7)])
    assert isinstance(told, AlarmEvent)
    if not restores:
        monkeypatch.setattr(processor, "restore", lambda _: 1 / 0)
    with pytest.raises(ProcessorError):
        host.handle_many([chunk(10, 13)])
    assert processor.alarms.standing() == {"VF": "on"}, "VF was told; TACHY, of the call that failed, was not"
    found = [*host.handle_many([chunk(250 * 40, 0)]), *host.handle_many([chunk(250 * 40 + 10, 0)])]
    assert [(f.condition, f.change) for f in found if isinstance(f, AlarmEvent)] == [
        ("VF", "latched"), ("TACHY", "on"),
    ]  # fmt: skip


def test_each_finding_of_items_taken_at_once_counts_from_the_item_that_completed_it() -> None:
    items = [chunk(0), chunk(10), chunk(20)]
    for n, item in enumerate(items):
        item.trace.intended_ns = 1000 + n
    findings = StreamHost(STREAM, Counting()).handle_many(items)
    assert [f.trace.intended_ns for f in findings] == [1000, 1001, 1002]
    assert len({f.trace.decided_ns for f in findings}) == 1
