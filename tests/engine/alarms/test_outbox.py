"""Alarms leave after they were written; their stream waits for it, others do not; no alarm waits for a broken disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import zmq

from heartwire.engine.alarms.journal import Journal, Record, connect, entries
from heartwire.engine.alarms.outbox import Outbox
from heartwire.engine.alarms.scribe import Scribe
from heartwire.engine.bus import Publisher
from heartwire.engine.errors import JournalError, MalformedMessage
from heartwire.engine.messages import AlarmEvent, HeartRate, Message

ONE, TWO = "bed-1/ecg", "bed-2/ecg"


def event(stream: str = ONE) -> AlarmEvent:
    return AlarmEvent(
        stream=stream, condition="VT", mdc=None, kind="physiological", priority="high", change="on", onset_sample=1,
        decision_sample=2, algorithmic_delay_s=0.1,
    )  # fmt: skip


def rate(stream: str = ONE, rate_bpm: float = 60.0) -> HeartRate:
    return HeartRate(stream=stream, sample=1, decision_sample=2, rate_bpm=rate_bpm)


class SlowJournal(Journal):
    """Writes when it is let."""

    let = threading.Event()

    def append(self, records: Sequence[Record]) -> int:
        assert self.let.wait(20)
        return super().append(records)


class BrokenJournal(Journal):
    """Cannot write until it is mended."""

    mended = False
    tried = threading.Semaphore(0)

    def append(self, records: Sequence[Record]) -> int:
        type(self).tried.release()
        if not self.mended:
            msg = "disk is full"
            raise JournalError(msg)
        return super().append(records)


@pytest.fixture
def publisher() -> Iterator[Publisher]:
    with zmq.Context() as context, Publisher("inproc://outbox", epoch=5, context=context) as made:
        yield made


@pytest.fixture
def open_scribe(tmp_path: Path) -> Iterator[Callable[..., Scribe]]:
    opened: list[Scribe] = []

    def make(kind: type[Journal], late_s: float = 20.0) -> Scribe:
        scribe = Scribe(tmp_path / "ward.journal", kind, late_s)
        scribe.start()
        opened.append(scribe)
        return scribe

    yield make
    SlowJournal.let.set()
    for scribe in opened:
        scribe.stop()
    SlowJournal.let.clear()


def test_an_alarm_waits_for_the_journal_with_what_follows_it_and_other_streams_do_not(
    publisher: Publisher, open_scribe: Callable[..., Scribe]
) -> None:
    sent: list[Message] = []
    outbox = Outbox(publisher, open_scribe(SlowJournal), sent.append)
    one, alarm, after, other = rate(), event(), rate(), rate(TWO)
    for message in (one, alarm, after, other):
        outbox.put(message)
    outbox.release()
    assert sent == [one, other]
    assert not outbox.empty
    assert (alarm.seq, after.seq, outbox.next_seq(ONE)) == (1, 2, 3)
    SlowJournal.let.set()
    assert outbox.flush(20.0)
    assert sent == [one, other, alarm, after]
    assert (alarm.seq, after.seq, outbox.next_seq(ONE)) == (1, 2, 3)
    assert outbox.empty


def test_what_is_sent_is_in_the_journal_under_its_number(
    publisher: Publisher, open_scribe: Callable[..., Scribe], tmp_path: Path
) -> None:
    kept: list[list[tuple[int | None, str]]] = []

    def sent(message: Message) -> None:
        connection = connect(tmp_path / "ward.journal")
        kept.append([(entry.seq, entry.stream) for entry in entries(connection)])
        connection.close()
        assert (message.seq, message.stream) in kept[-1]

    outbox = Outbox(publisher, open_scribe(Journal), sent)
    for stream in (ONE, TWO, ONE):
        outbox.put(event(stream))
    assert outbox.flush(20.0)
    assert kept[-1] == [(0, ONE), (0, TWO), (1, ONE)]


def test_a_journal_that_cannot_be_written_holds_no_alarm_back_and_is_made_up_for(
    publisher: Publisher, open_scribe: Callable[..., Scribe], tmp_path: Path
) -> None:
    BrokenJournal.mended = False
    scribe = open_scribe(BrokenJournal)
    sent: list[Message] = []
    outbox = Outbox(publisher, scribe, sent.append)
    outbox.put(event())
    assert outbox.flush(20.0)
    assert len(sent) == 1
    assert scribe.lost == "disk is full"
    BrokenJournal.mended = True
    outbox.put(event())
    assert outbox.flush(20.0)
    assert scribe.lost == ""
    connection = connect(tmp_path / "ward.journal")
    assert [entry.seq for entry in entries(connection)] == [0, 1]
    connection.close()


def test_a_disk_that_does_not_answer_holds_no_alarm_back(
    publisher: Publisher, open_scribe: Callable[..., Scribe], tmp_path: Path
) -> None:
    scribe = open_scribe(SlowJournal, late_s=0.05)
    sent: list[Message] = []
    outbox = Outbox(publisher, scribe, sent.append)
    outbox.put(event())
    assert outbox.flush(20.0)
    assert len(sent) == 1
    assert "no answer for 0.05 s" in scribe.lost
    SlowJournal.let.set()
    outbox.put(event())
    assert outbox.flush(20.0)
    scribe.stop()
    assert scribe.lost == ""
    connection = connect(tmp_path / "ward.journal")
    assert [entry.seq for entry in entries(connection)] == [0, 1]
    connection.close()


def test_a_journal_that_is_mended_is_written_without_another_alarm(
    publisher: Publisher, open_scribe: Callable[..., Scribe], tmp_path: Path
) -> None:
    BrokenJournal.mended = False
    scribe = open_scribe(BrokenJournal)
    while BrokenJournal.tried.acquire(blocking=False):
        pass
    outbox = Outbox(publisher, scribe)
    outbox.put(event())
    assert BrokenJournal.tried.acquire(timeout=20)
    BrokenJournal.mended = True
    assert BrokenJournal.tried.acquire(timeout=20)
    scribe.stop()
    connection = connect(tmp_path / "ward.journal")
    assert [entry.seq for entry in entries(connection)] == [0]
    connection.close()


def test_what_a_subscriber_would_refuse_is_neither_written_nor_sent(
    publisher: Publisher, open_scribe: Callable[..., Scribe]
) -> None:
    outbox = Outbox(publisher, open_scribe(SlowJournal))
    outbox.put(event())
    with pytest.raises(MalformedMessage):
        outbox.put(rate(rate_bpm=float("nan")))
    bad = event()
    bad.algorithmic_delay_s = float("inf")
    with pytest.raises(MalformedMessage):
        outbox.put(bad)
    assert outbox.next_seq(ONE) == 1


def test_an_alarm_says_how_long_its_signal_took(
    publisher: Publisher, open_scribe: Callable[..., Scribe], tmp_path: Path
) -> None:
    sent: list[Message] = []
    outbox = Outbox(publisher, open_scribe(Journal), sent.append)
    timed, by_hand = event(), event()
    timed.trace.received_ns = time.monotonic_ns() - 3_000_000
    outbox.put(timed)
    outbox.put(by_hand)
    assert outbox.flush(20.0)
    with closing(connect(tmp_path / "ward.journal")) as connection:
        written = [msgspec.json.decode(entry.body)["generation_delay_s"] for entry in entries(connection)]
    assert timed.generation_delay_s is not None
    assert 0.003 <= written[0] <= timed.generation_delay_s < 20.0
    assert (written[1], by_hand.generation_delay_s) == (None, None)
