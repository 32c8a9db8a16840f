"""What the engineer's view is told beside the status: notes, stages, the log."""

from __future__ import annotations

import json
from pathlib import Path

from heartwire.engine.messages import AlarmCommand, AlarmEvent, Beat, Gap, HeartRate, Rhythm, Trace
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
    path = tmp_path / "notes.json"
    view = EngineView(path)
    assert json.loads(view.document(S))["notes"] == {}
    path.write_text('{"work-ecg": ["model ecg-qrs 2: runs on CPU"], "dashboard": ["at http://h/?token=secret"]}')
    assert json.loads(view.document(S))["notes"] == {"work-ecg": ["model ecg-qrs 2: runs on CPU"]}


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
