"""A run is invalid unless its account sums and is that of the load."""

from __future__ import annotations

import pytest

from heartwire.benchmarks.harness import Expect, config_hash, ledger_faults
from heartwire.benchmarks.load import LoadLog, StreamLog
from heartwire.engine.messages import LedgerReport

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


def test_the_hash_is_that_of_the_values() -> None:
    assert config_hash({"a": 1, "b": 2}) == config_hash({"b": 2, "a": 1}) != config_hash({"a": 1, "b": 3})
