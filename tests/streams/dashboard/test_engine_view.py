"""What the engineer's view is told beside the status: notes, stages, the log."""

from __future__ import annotations

import json
from pathlib import Path

from heartwire.engine.agreement import Counts
from heartwire.engine.config import Config, StreamConfig
from heartwire.engine.messages import AlarmCommand, AlarmEvent, Beat, Gap, HeartRate, ModelChange, Rhythm, Trace
from heartwire.engine.plan import make_plan
from heartwire.engine.shadow_report import ShadowReport, keep
from heartwire.streams.dashboard.engine_view import EngineView
from heartwire.streams.dashboard.event_log import EventLog

S = 1_000_000_000
BED = "bed-1/ecg"


def beat(stage: str = "confirmed") -> Beat:
    return Beat(
        stream=BED,
        sample=1,
        decision_sample=2,
        label="N",
        confidence=1.0,
        stage=stage,  # type: ignore[arg-type]
        trace=Trace(intended_ns=S),
    )


def test_notes_are_those_that_the_supervisor_keeps_now_without_the_address_that_holds_the_token(tmp_path: Path) -> None:
    plan = make_plan(Config(stream=[StreamConfig(id=BED)]), tmp_path)
    path = plan.notes_path()
    view = EngineView(plan)
    assert json.loads(view.document(S))["notes"] == {}
    path.write_text('{"work-ecg": ["model ecg-qrs 2: runs on CPU"], "dashboard": ["at http://h/?token=secret"]}')
    assert json.loads(view.document(S))["notes"] == {"work-ecg": ["model ecg-qrs 2: runs on CPU"]}


def report(at_ms: float) -> ShadowReport:
    return ShadowReport(
        at_ms=at_ms,
        stream=BED,
        setting="beat_model",
        running="ecg-beats 2",
        candidate="ecg-beats 3",
        items=40,
        dropped=0,
        counts={"beat confirmed": Counts(agree=9, differ=1)},
        differences=[],
        latency={},
        notes=[],
    )


def test_the_last_word_of_each_candidate_of_this_run_is_told(tmp_path: Path) -> None:
    config = Config(stream=[StreamConfig(id=BED)])
    before, plan = make_plan(config, tmp_path), make_plan(config, tmp_path)
    keep(before, report(1.0))
    view = EngineView(plan)
    assert json.loads(view.document(S))["shadows"] == []
    for at_ms in (2.0, 3.0):
        keep(plan, report(at_ms))
    (told,) = json.loads(view.document(S))["shadows"]
    assert (told["at_ms"], told["counts"]["beat confirmed"]["agree"]) == (3.0, 9)


def test_a_swap_stays_in_the_log_though_many_alarms_follow() -> None:
    log = EventLog()
    change = ModelChange(
        stream=BED, setting="qrs_model", model="ecg-qrs", version="3", sha256="a", first=1, state="anew"
    )
    log.take(change, S)
    for n in range(1000):
        log.take(Gap(stream=BED, first=n, count=1), (2 + n) * S)
    entries = log.entries(2000 * S)
    assert entries[-1].kind == "model change"
    assert entries[0].words.startswith("first 999")
    assert len(entries) < 300


def test_a_beat_is_measured_once_though_it_is_told_in_stages() -> None:
    view = EngineView()
    for stage in ("provisional", "confirmed", "revised"):
        view.take(beat(stage), S + 1_000_000)
    stages = json.loads(view.document(S))["stages"]
    assert {stage["count"] for stage in stages["beat"]} == {1}


def test_the_log_holds_events_and_no_routine_newest_first() -> None:
    log = EventLog()
    log.take(HeartRate(stream=BED, sample=1, decision_sample=1, rate_bpm=70.0), 2 * S)
    log.take(beat(), 2 * S)
    log.take(Rhythm(stream=BED, sample=5, decision_sample=9, label="VF"), 3 * S)
    log.take(Gap(stream=BED, first=100, count=25), 4 * S)
    assert [(e.kind, e.ago_s) for e in log.entries(5 * S)] == [("gap", 1.0), ("rhythm", 2.0)]
    assert log.entries(5 * S)[0].words == "first 100, count 25"


def test_the_log_tells_both_parts_of_an_alarms_delay_and_who_commanded() -> None:
    log = EventLog()
    log.take(
        AlarmEvent(
            stream=BED,
            condition="VF",
            mdc=None,
            kind="physiological",
            priority="high",
            change="on",
            onset_sample=0,
            decision_sample=1,
            algorithmic_delay_s=2.9,
            trace=Trace(intended_ns=S),
        ),
        S + 1_800_000,
    )
    log.take(AlarmCommand(stream=BED, action="acknowledge", by="Ada", id="1"), 2 * S)
    command, alarm = log.entries(2 * S)
    assert alarm.words == "VF on, physiological, high, decided 2.9 s after its onset, here 1.8 ms later"
    assert (command.kind, "by Ada" in command.words) == ("alarm command", True)
