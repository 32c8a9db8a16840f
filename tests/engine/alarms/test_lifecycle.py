from __future__ import annotations

import pytest

from heartwire.engine.alarms.conditions import CONDITIONS, RANK
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.alarms.technical import TechnicalAlarms
from heartwire.engine.messages import AlarmEvent


def begin(board: AlarmBoard, code: str, onset: int = 100, decision: int = 350) -> list[tuple[str, str]]:
    return brief(list(board.begin(code, onset, decision, 250.0, {"rule": "test"})))


def end(board: AlarmBoard, code: str) -> list[tuple[str, str]]:
    return brief(list(board.end(code, 900, 250.0, {})))


def brief(events: list[AlarmEvent]) -> list[tuple[str, str]]:
    return [(e.condition, e.change) for e in events]


def test_every_condition_covers_conditions_that_exist() -> None:
    assert all(other in CONDITIONS for c in CONDITIONS.values() for other in c.covers)
    assert {code for code, c in CONDITIONS.items() if c.latching} == {"ASYSTOLE", "VF", "VT"}


def test_no_condition_covers_a_graver_one() -> None:
    rank = ["high", "medium", "low"].index
    for condition in CONDITIONS.values():
        assert all(rank(condition.priority) <= rank(CONDITIONS[other].priority) for other in condition.covers)


def test_ranks_go_down_with_priority_within_each_kind() -> None:
    order = ["high", "medium", "low"]
    for kind in ("physiological", "technical"):
        places = [order.index(c.priority) for c in CONDITIONS.values() if c.kind == kind]
        assert places == sorted(places)
    assert sorted(RANK.values()) == list(range(len(CONDITIONS)))


def test_mdc_codes_are_those_of_the_events_and_rhythms() -> None:
    events = {
        "ASYSTOLE": 3076, "VT": 3224, "EXTREME_BRADY": 3086, "EXTREME_TACHY": 3122, "V_RUN": 3212, "PAUSE": 3108,
        "AF": 3128, "SVT": 3192, "PVC_RATE": 3252, "COUPLET": 3210, "BIGEMINY": 3082, "TRIGEMINY": 3236, "R_ON_T": 3206,
        "IDIOVENTRICULAR": 3220, "AV_BLOCK": 3258, "NOT_CAPTURING": 3102, "MISSED_BEAT": 3078,
    }  # fmt: skip
    assert {code: CONDITIONS[code].mdc for code in events} == {code: 3 * 65536 + n for code, n in events.items()}
    assert CONDITIONS["VF"].mdc == 10 * 65536 + 10016


def test_a_condition_begins_once_and_ends_once() -> None:
    board = AlarmBoard("bed/ecg")
    assert begin(board, "TACHY") == [("TACHY", "on")]
    assert begin(board, "TACHY") == []
    assert end(board, "TACHY") == [("TACHY", "off")]
    assert end(board, "TACHY") == []


def test_the_delay_is_from_onset_to_decision() -> None:
    (event,) = AlarmBoard("bed/ecg").begin("VT", 100, 350, 250.0, {"beats": 5})
    assert event.algorithmic_delay_s == 1.0
    assert (event.onset_sample, event.decision_sample, event.reason) == (100, 350, {"beats": 5})
    assert (event.mdc, event.kind, event.priority) == (199832, "physiological", "high")


def test_a_latching_condition_stays_until_acknowledged() -> None:
    board = AlarmBoard("bed/ecg")
    begin(board, "VF")
    assert end(board, "VF") == [("VF", "latched")]
    assert begin(board, "VF") == [("VF", "on")]
    assert end(board, "VF") == [("VF", "latched")]
    assert brief(list(board.acknowledge("VF", 1000, 250.0))) == [("VF", "off")]
    assert board.state("VF") == "off"


def test_an_acknowledged_condition_ends_without_latching() -> None:
    board = AlarmBoard("bed/ecg")
    begin(board, "VF")
    assert brief(list(board.acknowledge("VF", 500, 250.0))) == [("VF", "acknowledged")]
    assert list(board.acknowledge("VF", 600, 250.0)) == []
    assert end(board, "VF") == [("VF", "off")]


def test_a_condition_ends_those_it_covers_and_holds_them_off() -> None:
    board = AlarmBoard("bed/ecg")
    begin(board, "V_RUN")
    assert begin(board, "VT") == [("V_RUN", "off"), ("VT", "on")]
    assert begin(board, "V_RUN") == []
    end(board, "VT")
    assert begin(board, "V_RUN") == [("V_RUN", "on")]


def test_a_snapshot_carries_every_state() -> None:
    board, other = AlarmBoard("bed/ecg"), AlarmBoard("bed/ecg")
    begin(board, "VF")
    end(board, "VF")
    begin(board, "TACHY")
    other.restore(board.snapshot())
    assert (other.state("VF"), other.active()) == ("latched", ["TACHY"])
    other.reset()
    assert other.state("VF") == "off"


def test_technical_alarms_begin_and_end_once() -> None:
    alarms = TechnicalAlarms("bed/ecg")
    (event,) = alarms.begin("STALE", sample=1000, rate_hz=250.0, onset_sample=250)
    assert (event.kind, event.mdc, event.algorithmic_delay_s) == ("technical", None, 3.0)
    assert alarms.begin("STALE", sample=1000) == []
    other = TechnicalAlarms("bed/ecg")
    other.restore(alarms.snapshot())
    assert other.active() == ["STALE"]
    assert [e.change for e in other.end("STALE", sample=1200)] == ["off"]
    assert other.end("STALE", sample=1200) == []


def test_a_technical_alarm_must_be_technical() -> None:
    with pytest.raises(ValueError, match="'VF' is no technical condition"):
        TechnicalAlarms("bed/ecg").begin("VF", sample=0)
