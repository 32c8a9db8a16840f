"""A run is invalid unless its account sums and is that of the load."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import zmq

from heartwire.benchmarks.figures import Seen
from heartwire.benchmarks.harness import Expect, config_hash, ledger_faults, unanswered, without_fix
from heartwire.benchmarks.load import LoadLog, StreamLog
from heartwire.benchmarks.observer import Notes, Observer
from heartwire.engine.messages import Beat, CatheterFix, LedgerReport

LOG = LoadLog(0, 1, {"a": StreamLog("ecg", 100, b"", b"", b"", b"")})


def ledger(**changes: object) -> dict[str, LedgerReport]:
    values = {"offered": 100, "processed": 100, "dropped": {}, "missing": 0, "in_flight": 0, "final": True, **changes}
    return {"a": LedgerReport(stream="a", **values)}  # type: ignore[arg-type]


def test_an_account_that_sums_and_is_the_loads_has_no_faults() -> None:
    assert ledger_faults(ledger(), LOG, Expect()) == []
    assert ledger_faults(ledger(processed=90, dropped={"superseded": 10}), LOG, Expect()) == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"processed": 99}, "does not sum: 100 offered, 99 accounted for"),
        ({"processed": 99, "in_flight": 1}, "does not sum"),
        ({"final": False}, "does not sum"),
        ({"offered": 90, "processed": 90}, "100 were sent, the ledger has 90"),
        ({"processed": 90, "missing": 10}, "10 missing"),
    ],
)
def test_one_that_does_not_is_said(changes: dict[str, object], why: str) -> None:
    faults = ledger_faults(ledger(**changes), LOG, Expect())
    assert len(faults) == 1
    assert why in faults[0]


def test_what_the_scenario_brings_about_is_no_fault() -> None:
    assert ledger_faults(ledger(processed=90, missing=10), LOG, Expect(missing=True)) == []


def test_a_stream_without_an_account_is_said_unless_there_is_none_at_all() -> None:
    other = {"b": LedgerReport(stream="b", offered=0, processed=0, dropped={}, missing=0, in_flight=0, final=True)}
    assert ledger_faults(other, LOG, Expect()) == ["a: not in the ledger"]
    assert ledger_faults({}, LOG, Expect()) == []


def notes(streams: list[str]) -> Notes:
    return Notes(streams=streams, seen=b"", alarms={}, ledgers={}, missing=0, duplicates=0, refused=0)


def seen(streams: list[int]) -> Seen:
    times = np.zeros(len(streams), np.int64)
    return Seen(np.array(streams, np.int64), times, times, times, np.zeros((len(streams), 8), np.int64), 0)


def test_a_signal_of_which_nothing_was_seen_is_said() -> None:
    log = LoadLog(0, 1, {name: StreamLog(kind, 9, b"", b"", b"", b"") for name, kind in (("a", "ecg"), ("b", "xray"))})
    assert unanswered({"beat": seen([0])}, notes(["a", "b"]), log) == ["xray"]
    assert unanswered({"beat": seen([0]), "phase": seen([1])}, notes(["a", "b"]), log) == []
    assert unanswered({}, notes([]), log) == ["ecg", "xray"]


def test_frames_that_were_processed_and_gave_no_fix_are_said() -> None:
    fixes = {"catheter fix": seen([0] * 99)}
    assert without_fix(fixes, notes(["a"]), ledger()) == ["a: 99 fixes for 100 frames processed"]
    assert without_fix({"catheter fix": seen([0] * 100)}, notes(["a"]), ledger()) == []
    assert without_fix({}, notes(["a"]), ledger()) == []


@pytest.fixture
def observer() -> Iterator[Observer]:
    with zmq.Context() as context:
        made = Observer(["ipc:///tmp/nobody-publishes-here"], context)
        yield made
        made.close()


def test_what_is_told_again_is_measured_once_and_counted(observer: Observer) -> None:
    beat = Beat(stream="a", sample=100, decision_sample=150, label="N", stage="confirmed", confidence=0.9)
    fix = CatheterFix(stream="b", frame=7, captured_ns=0, devices=[])
    for message in (beat, fix, fix, beat, beat):
        observer._note(message, 5)
    told = observer.notes()
    assert len(observer._rows) == 2
    assert told.repeated == 3


def test_the_hash_is_that_of_the_values() -> None:
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1}) != config_hash({"a": 1, "b": 3})
