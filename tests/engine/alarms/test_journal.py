"""A journal is only added to, says once what was said twice, and shows every change of what was written."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.alarms import recall
from heartwire.engine.alarms.chain import verify
from heartwire.engine.alarms.journal import Journal, Kept, Record, Start, Stop, connect, entries
from heartwire.engine.alarms.strips import Strip
from heartwire.engine.errors import JournalError
from heartwire.engine.messages import AlarmChange, AlarmCommand, AlarmEvent, AlarmInactivation

STREAM = "bed-1/ecg"
STRIP = Strip(0, 250.0, ("II",), b"\1\0\2\0")


def event(seq: int, change: AlarmChange = "on", condition: str = "VT", stream: str = STREAM) -> AlarmEvent:
    return AlarmEvent(
        stream=stream, condition=condition, mdc=None, kind="physiological", priority="high", change=change,
        onset_sample=1, decision_sample=2, algorithmic_delay_s=0.1, seq=seq, reason={"rule": "test"},
    )  # fmt: skip


def limits(seq: int, **changes: float) -> AlarmCommand:
    return AlarmCommand(stream=STREAM, action="limits", by="nurse", id=str(seq), limits=changes, seq=seq)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ward.journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    with Journal(path) as opened:
        yield opened


def test_entries_come_back_in_order(journal: Journal) -> None:
    records = [Record(5, event(n), STRIP if n == 1 else None) for n in range(3)]
    assert journal.append(records) == 3
    with closing(connect(journal.path)) as connection:
        found = list(entries(connection))
    assert [(e.id, e.epoch, e.stream, e.seq, e.kind, e.change) for e in found] == [
        (n + 1, 5, STREAM, n, "alarm", "on") for n in range(3)
    ]
    assert [e.strip is not None for e in found] == [False, True, False]
    assert verify(journal.path).wrong == ""


def test_what_was_written_before_a_restart_is_not_written_again(journal: Journal) -> None:
    journal.append([Record(5, event(0)), Record(5, event(1))])
    assert journal.append([Record(5, event(n)) for n in range(3)]) == 1
    assert journal.append([Record(6, event(0))]) == 1, "another run counts anew"
    assert journal.append([Record(5, event(0, stream="bed-2/ecg"))]) == 1
    assert verify(journal.path).entries == 5


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET change = 'off'",
        "DELETE FROM entry WHERE id = 2",
        "INSERT INTO entry SELECT 9, written_ns, 9, stream, seq, kind, condition, change, body, strip, hash FROM entry",
        "INSERT OR REPLACE INTO entry SELECT * FROM entry WHERE id = 2",
    ],
)
def test_the_file_itself_refuses_anything_but_adding(journal: Journal, statement: str) -> None:
    journal.append([Record(5, event(n)) for n in range(3)])
    with closing(sqlite3.connect(journal.path)) as other, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        other.execute(statement)
    assert verify(journal.path) == verify(journal.path)._replace(entries=3, wrong="")


TAMPERED = {
    "a change": ("UPDATE entry SET change = 'off' WHERE id = 2", "entry 2 is not what was written"),
    "a time": ("UPDATE entry SET written_ns = written_ns + 1 WHERE id = 3", "entry 3 is not what was written"),
    "a body": ("UPDATE entry SET body = '{}' WHERE id = 1", "entry 1 is not what was written"),
    "a strip": ("UPDATE entry SET strip = x'00' WHERE id = 2", "entry 2 is not what was written"),
    "a strip taken away": ("UPDATE entry SET strip = NULL WHERE id = 2", "entry 2 is not what was written"),
    "a hash": ("UPDATE entry SET hash = x'00' WHERE id = 2", "entry 2 is not what was written"),
    "another type": ("UPDATE entry SET body = x'ff' WHERE id = 2", "entry 2"),
    "one removed": ("DELETE FROM entry WHERE id = 2", "entry 2 is missing"),
    "the first removed": ("DELETE FROM entry WHERE id = 1", "entry 1 is missing"),
    "one moved": ("UPDATE entry SET id = 9 WHERE id = 2", "entry 2 is missing"),
}


@pytest.mark.parametrize(("statement", "wrong"), TAMPERED.values(), ids=TAMPERED)
def test_whatever_is_changed_behind_its_back_shows(path: Path, statement: str, wrong: str) -> None:
    with Journal(path) as journal:
        journal.append([Record(5, event(n), STRIP) for n in range(4)])
    with closing(sqlite3.connect(path)) as other:
        for (trigger,) in other.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            other.execute(f"DROP TRIGGER {trigger}")
        other.execute(statement)
        other.commit()
    verdict = verify(path)
    assert wrong in verdict.wrong
    assert verdict.entries < 4


def test_entries_cut_off_at_the_end_show_against_a_hash_kept_elsewhere(path: Path) -> None:
    with Journal(path) as journal:
        journal.append([Record(5, event(n)) for n in range(4)])
    head = verify(path).head
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TRIGGER entry_is_never_removed")
        other.execute("DELETE FROM entry WHERE id = 4")
        other.commit()
    assert verify(path).wrong == ""
    assert "entries are missing or were rewritten" in verify(path, head).wrong


def test_an_old_head_is_still_there_when_more_was_written(path: Path) -> None:
    with Journal(path) as journal:
        journal.append([Record(5, event(0))])
        head = verify(path).head
        journal.append([Record(5, event(1))])
    assert verify(path, head).wrong == ""


@given(place=st.floats(0, 1), byte=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_broken_or_unreadable_or_says_the_same(
    tmp_path_factory: pytest.TempPathFactory, place: float, byte: int
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "ward.journal"
    with Journal(path) as journal:
        journal.append([Record(5, event(n), STRIP) for n in range(4)])
    before, whole = verify(path), bytearray(path.read_bytes())
    whole[int(place * (len(whole) - 1))] ^= byte
    path.write_bytes(whole)
    try:
        verdict = verify(path)
    except JournalError:
        return
    # A byte that holds no part of an entry, such as one of an unused page, may change unseen: no other.
    assert verdict.wrong or verdict == before


def test_what_is_no_journal_is_refused_and_left_alone(tmp_path: Path) -> None:
    text, foreign = tmp_path / "text", tmp_path / "foreign"
    text.write_text("no database at all, but a text of some length" * 50)
    with closing(sqlite3.connect(foreign)) as other:
        other.execute("CREATE TABLE mine (id)")
        other.commit()
    for path in (text, foreign):
        before = path.read_bytes()
        with pytest.raises(JournalError, match=path.name):
            Journal(path)
        with pytest.raises(JournalError, match=path.name):
            verify(path)
        assert path.read_bytes() == before
    with pytest.raises(JournalError, match="no such file"):
        verify(tmp_path / "absent")


WRITER = """
import sys
from pathlib import Path
from heartwire.engine.alarms.journal import Journal, Record
from heartwire.engine.messages import AlarmCommand
with Journal(Path(sys.argv[1])) as journal:
    for n in range(100):
        command = AlarmCommand(stream=sys.argv[2], action="acknowledge", by="nurse", id=str(n), seq=n)
        journal.append([Record(5, command)])
"""


def test_several_processes_write_one_chain(path: Path) -> None:
    Journal(path).close()
    writers = [subprocess.Popen([sys.executable, "-P", "-c", WRITER, str(path), f"bed-{n}/ecg"]) for n in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert (verify(path).wrong, verify(path).entries) == ("", 300)


def test_what_stands_is_the_last_of_each_condition_of_the_runs_before(journal: Journal) -> None:
    changes: list[Kept] = [
        event(0, "on", "VT"), event(1, "latched", "VT"), event(2, "on", "TACHY"), event(3, "off", "TACHY"),
        event(4, "escalated", "SVT"), event(0, "on", "AF", "bed-2/ecg"),
    ]  # fmt: skip
    journal.append([Record(5, change) for change in changes])
    journal.append([Record(7, event(0, "off", "VT"))])
    assert [(e.condition, e.change) for e in recall.standing(journal.path, STREAM, 6)] == [
        ("VT", "latched"), ("SVT", "escalated"),
    ]  # fmt: skip
    assert [e.condition for e in recall.standing(journal.path, STREAM, 8)] == ["SVT"]


def test_commands_are_given_back_from_a_sequence_number_on(journal: Journal) -> None:
    journal.append([Record(5, limits(n, tachy_bpm=130.0 + n)) for n in (1, 4, 9)])
    assert [c.seq for c in recall.commands(journal.path, STREAM, 5, 4)] == [4, 9]
    assert recall.commands(journal.path, STREAM, 6, 0) == []
    assert [recall.next_seq(journal.path, STREAM, epoch) for epoch in (5, 6)] == [10, 0]


def test_changed_limits_come_back_after_a_run_that_did_not_end_in_order(journal: Journal) -> None:
    start = Start(version="1", streams=[STREAM], commands="ipc:///somewhere")
    journal.append([Record(5, start), Record(5, limits(1, tachy_bpm=130.0)), Record(5, limits(2, brady_bpm=45.0))])
    assert recall.lost_limits(journal.path, STREAM, 6) == {"tachy_bpm": 130.0, "brady_bpm": 45.0}
    assert recall.lost_limits(journal.path, "bed-2/ecg", 6) == {}
    assert recall.last_start(journal.path) == start
    journal.append([Record(5, Stop())])
    assert recall.lost_limits(journal.path, STREAM, 6) == {}


def test_what_stood_before_a_restart_stands_until_it_is_told_again(journal: Journal) -> None:
    def standing() -> list[tuple[str, str]]:
        return [(e.stream, e.condition) for e, _ in recall.current(journal.path)[0]]

    start = Start(version="1", streams=[STREAM, "bed-2/ecg"], commands="", live=[STREAM])
    changes = [event(0), event(1, "on", "AF"), event(2, "off", "AF"), event(0, "on", "AF", "bed-2/ecg")]
    journal.append([Record(5, start), *(Record(5, change) for change in changes)])
    journal.append([Record(6, start)])
    assert standing() == [(STREAM, "VT")]
    journal.append([Record(6, event(0)), Record(6, event(1, "off"))])
    assert standing() == []


@pytest.mark.parametrize("kept", [0.02, 0.3, 0.9])
def test_a_journal_that_was_cut_off_is_broken(journal: Journal, kept: float) -> None:
    journal.append([Record(5, event(n)) for n in range(300)])
    journal.close()
    os.truncate(journal.path, round(kept * journal.path.stat().st_size))
    assert "cut off" in verify(journal.path).wrong


def test_a_journal_that_cannot_be_opened_now_is_not_called_damaged(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.append([Record(5, event(0))])
    with closing(sqlite3.connect(journal.path)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        monkeypatch.setattr("heartwire.engine.alarms.journal._WAIT_S", 0.0)
        journal.close()
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match="locked"):
            verify(journal.path)
    with closing(sqlite3.connect(journal.path)) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalError, match="no heartwire journal of format"):
        verify(journal.path)


def test_what_stands_now_is_of_the_last_run(journal: Journal) -> None:
    def inactivation(seq: int, change: str, *, reminder: bool = False) -> AlarmInactivation:
        return AlarmInactivation(
            stream=STREAM, condition="", kind="signal", change=change, decision_sample=1, reminder=reminder, seq=seq,  # type: ignore[arg-type]
        )  # fmt: skip

    journal.append([Record(5, Start(version="1", streams=[STREAM], commands="")), Record(5, event(0))])
    journal.append([Record(6, Start(version="1", streams=[STREAM], commands=""))])
    journal.append([Record(6, event(0, "on", "AF")), Record(6, inactivation(1, "audio-off"))])
    journal.append([Record(6, inactivation(2, "audio-off", reminder=True))])
    events, inactive = recall.current(journal.path)
    assert [e.condition for e, _ in events] == ["AF"]
    assert [i.change for i, _ in inactive] == ["audio-off"]
    journal.append([Record(6, inactivation(3, "enabled"))])
    assert recall.current(journal.path)[1] == []
