from __future__ import annotations

import pytest

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.limits import AlarmLimits
from heartwire.engine.alarms.rules import EcgAlarms
from heartwire.engine.ecg.conduction import AvBlock
from heartwire.engine.ecg.pacing import PacerPulse
from heartwire.engine.ecg.rhythm_state import RhythmState
from heartwire.engine.ecg.step import Signal, Step
from heartwire.engine.messages import AlarmCommand, AlarmEvent, AlarmInactivation, Beat, BeatClass

RATE_HZ = 100.0
CLASS: dict[str, BeatClass] = {"N": "N", "V": "V"}


class Patient:
    """Steps into the alarms, one every 10 samples; beats are seen at once."""

    def __init__(self, limits: AlarmLimits | None = None) -> None:
        self.alarms = EcgAlarms("bed/ecg", limits or AlarmLimits())
        self.now = 0
        self.rate_hz = RATE_HZ
        self.rhythm = RhythmState("", 0)
        self.signal: Signal = "good"
        self.block: AvBlock | None = None
        self.events: list[AlarmEvent] = []

    def wait(self, samples: int) -> None:
        until = self.now + samples
        while self.now < until:
            self.now = min(self.now + 10, until)
            self.step()

    def step(
        self,
        beats: list[Beat] | None = None,
        missing: tuple[int, int] | None = None,
        spikes: list[PacerPulse] | None = None,
    ) -> None:
        step = Step(self.now, self.rate_hz, self.now, self.signal, self.rhythm, beats or [], missing=missing)
        step.block, step.spikes = self.block, spikes or []
        for event in self.alarms.step(step):
            assert not isinstance(event, AlarmInactivation)
            self.events.append(event)

    def pulses(self, count: int, interval: int = 80) -> None:
        for _ in range(count):
            self.wait(interval - 5)
            self.now += 5
            self.step(spikes=[PacerPulse(self.now, 1.0, alone=True)])

    def beats(self, labels: str, interval: int = 80) -> None:
        for label in labels:
            self.wait(interval - 5)
            self.now += 5
            beat = Beat(stream="s", sample=self.now, decision_sample=self.now, label=CLASS[label], confidence=1.0)
            self.step([beat])

    def gap(self, samples: int) -> None:
        self.step(missing=(self.now + 1, samples))
        self.now += samples

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(e.condition, e.change) for e in self.events]


def test_a_normal_rhythm_gives_no_alarm() -> None:
    patient = Patient()
    patient.beats("N" * 60)
    assert patient.changes == []


def test_a_high_rate_begins_once_and_ends_once_it_has_been_back_for_a_while() -> None:
    patient = Patient()
    patient.beats("N" * 10)
    onset = patient.now
    patient.beats("N" * 12, 48)
    assert patient.changes == [("TACHY", "on")]
    assert patient.events[0].onset_sample == onset
    assert patient.events[0].algorithmic_delay_s < 10.0
    patient.beats("NNN", 54)
    patient.beats("N" * 30, 80)
    assert patient.changes == [("TACHY", "on"), ("TACHY", "off")]


def test_a_rate_about_its_limit_does_not_flap() -> None:
    patient = Patient()
    for _ in range(20):
        patient.beats("N" * 5, 49)
        patient.beats("N" * 5, 51)
    assert patient.changes == [("TACHY", "on")]


def test_a_low_rate_comes_within_ten_seconds() -> None:
    patient = Patient()
    patient.beats("N" * 10, 75)
    patient.beats("N" * 10, 140)
    (event,) = patient.events
    assert (event.condition, event.mdc, event.priority) == ("BRADY", 196670, "medium")
    assert event.algorithmic_delay_s <= 10.0
    assert event.reason["limit_bpm"] == 50.0


def test_extreme_bradycardia_is_five_beats_mostly_below_its_limit() -> None:
    patient = Patient()
    patient.beats("N" * 10)
    onset = patient.now
    patient.beats("NN", 160)
    assert ("EXTREME_BRADY", "on") not in patient.changes
    patient.beats("N", 160)
    event = next(e for e in patient.events if e.condition == "EXTREME_BRADY")
    assert event.onset_sample == onset
    assert event.algorithmic_delay_s == 4.8


def test_one_pause_is_no_extreme_bradycardia() -> None:
    patient = Patient()
    patient.beats("N" * 10)
    patient.beats("N", 390)
    patient.beats("N" * 10)
    assert patient.changes == [("PAUSE", "on"), ("PAUSE", "off")]


def test_extreme_tachycardia_is_seventeen_beats_mostly_above_its_limit() -> None:
    patient = Patient()
    patient.beats("N" * 20)
    onset = patient.now
    patient.beats("N" * 8, 42)
    assert ("EXTREME_TACHY", "on") not in patient.changes
    patient.beats("N", 42)
    event = next(e for e in patient.events if e.condition == "EXTREME_TACHY")
    assert (event.onset_sample, event.algorithmic_delay_s) == (onset, 3.78)
    assert patient.changes == [("TACHY", "on"), ("TACHY", "off"), ("EXTREME_TACHY", "on")]


def test_the_rate_during_tachycardia_does_not_alarm_after_it() -> None:
    patient = Patient()
    patient.beats("N" * 10)
    patient.rhythm = RhythmState("VT", patient.now)
    patient.beats("V" * 30, 38)
    patient.rhythm = RhythmState("N", patient.now)
    patient.beats("N" * 20)
    assert patient.changes == [("VT", "on"), ("VT", "latched")]


def test_three_ventricular_beats_are_a_run() -> None:
    patient = Patient()
    patient.beats("NNNVVNNN")
    assert patient.changes == [("COUPLET", "on")]
    patient.beats("V", 60)
    onset = patient.now
    patient.beats("VVV", 60)
    patient.beats("NN")
    assert patient.changes[1:] == [("COUPLET", "off"), ("V_RUN", "on"), ("V_RUN", "off")]
    assert patient.events[2].onset_sample == onset
    assert patient.events[2].decision_sample == onset + 120


def test_a_pause_is_seen_before_its_end() -> None:
    patient = Patient()
    patient.beats("NNNN")
    last = patient.now
    patient.beats("N", 350)
    assert patient.changes == [("PAUSE", "on"), ("PAUSE", "off")]
    assert (patient.events[0].onset_sample, patient.events[0].decision_sample) == (last, last + 300)


def test_asystole_follows_the_rhythm_ends_the_pause_and_latches() -> None:
    patient = Patient()
    patient.beats("NNNN")
    last = patient.now
    patient.wait(400)
    patient.rhythm = RhythmState("ASYS", last, {"rule": "no QRS complex"})
    patient.wait(100)
    patient.rhythm = RhythmState("N", patient.now)
    patient.beats("NN")
    assert patient.changes == [("PAUSE", "on"), ("PAUSE", "off"), ("ASYSTOLE", "on"), ("ASYSTOLE", "latched")]
    assert patient.events[2].onset_sample == last
    seen = AlarmCommand(stream="bed/ecg", action="acknowledge", condition="ASYSTOLE", by="test", id="1")
    assert [e.change for e in patient.alarms.board.command(seen)] == ["off"]


def test_tachycardia_that_becomes_fibrillation_changes_the_alarm() -> None:
    patient = Patient()
    patient.rhythm = RhythmState("VT", 0)
    patient.wait(100)
    patient.rhythm = RhythmState("VF", 50)
    patient.wait(100)
    patient.beats("V" * 40, 30)
    assert patient.changes == [("VT", "on"), ("VT", "latched"), ("VF", "on")]


def test_no_lead_is_one_technical_alarm_and_ends_what_rests_on_the_signal() -> None:
    patient = Patient()
    patient.rhythm = RhythmState("VF", 0)
    patient.wait(50)
    patient.signal = "off"
    patient.rhythm = RhythmState("", 50)
    patient.wait(1000)
    assert patient.changes == [("VF", "on"), ("VF", "latched"), ("LEAD_OFF", "on")]
    assert (patient.events[-1].onset_sample, patient.events[-1].decision_sample) == (0, 160)
    patient.signal = "good"
    patient.wait(10)
    assert patient.changes[-1] == ("LEAD_OFF", "off")
    patient.wait(1000)
    assert "PAUSE" not in {c for c, _ in patient.changes}


def test_a_noisy_signal_is_told_after_a_while_and_pauses_are_not() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.signal = "noisy"
    patient.wait(400)
    assert patient.changes == []
    patient.wait(200)
    assert patient.changes == [("NOISY", "on")]
    patient.signal = "good"
    patient.wait(400)
    patient.signal = "noisy"
    patient.wait(100)
    patient.signal = "good"
    patient.wait(600)
    assert patient.changes == [("NOISY", "on"), ("NOISY", "off")]


def test_a_gap_is_told_and_no_pause_is_seen_in_it() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.gap(500)
    patient.beats("NN")
    assert patient.changes == [("GAP", "on"), ("GAP", "off")]
    assert patient.events[0].reason["samples"] == 500


@pytest.mark.parametrize(("rate_hz", "first"), [(200.0, 1000), (RATE_HZ, 0)])
def test_nothing_that_was_found_outlasts_its_signal(rate_hz: float, first: int) -> None:
    patient = Patient(AlarmLimits(brady_bpm=80.0, extreme_brady_bpm=20.0))
    patient.beats("N" * 8)
    patient.pulses(6)
    patient.signal = "noisy"
    patient.wait(600)
    assert patient.alarms.board.active() == ["BRADY", "PAUSE", "NOT_CAPTURING", "NOISY"]
    patient.now, patient.rate_hz, patient.signal = first, rate_hz, "good"
    told = len(patient.events)
    patient.wait(10)
    assert patient.alarms.board.active() == []
    assert {event.reason["rule"] for event in patient.events[told:]} == {"another signal"}
    patient.beats("N" * 8, round(0.6 * rate_hz))
    patient.pulses(6, round(0.8 * rate_hz))
    assert "NOT_CAPTURING" in patient.alarms.board.active()


def test_failure_to_capture_is_told_again_once_the_lead_is_back() -> None:
    patient = Patient()
    patient.pulses(6)
    patient.signal = "off"
    patient.wait(3000)
    assert patient.alarms.board.active() == ["LEAD_OFF"]
    patient.signal = "good"
    patient.pulses(6)
    assert patient.alarms.board.active() == ["NOT_CAPTURING"]


def test_a_gap_is_no_other_signal() -> None:
    patient = Patient()
    patient.beats("N" * 10, 75)
    patient.beats("N" * 10, 140)
    # The gap is told before what lies ahead of it has been decided.
    patient.now += 40
    patient.step(missing=(patient.now, 100))
    patient.now -= 30
    patient.step()
    assert "BRADY" in patient.alarms.board.active()


def test_block_ends_with_the_rhythm_that_has_no_p_waves() -> None:
    patient = Patient()
    patient.block = AvBlock(0, 80.0, 40.0)
    patient.rhythm = RhythmState("N", 0)
    patient.wait(50)
    patient.rhythm = RhythmState("AFIB", patient.now)
    patient.wait(50)
    assert patient.changes == [("AV_BLOCK", "on"), ("AV_BLOCK", "off")]
    assert patient.events[-1].reason == {"rule": "rhythm is AFIB"}


def test_a_snapshot_carries_everything() -> None:
    patient, other = Patient(), Patient()
    patient.beats("N" * 10)
    patient.beats("VV", 48)
    other.alarms.restore(patient.alarms.snapshot())
    other.now = patient.now
    n = len(patient.events)
    for p in (patient, other):
        p.beats("V" * 10, 48)
    assert patient.events[n:] == other.events
    assert other.events
    other.alarms.reset()
    assert other.alarms.board.active() == []


def test_alarms_come_within_the_delay_that_is_declared_for_them() -> None:
    found: list[AlarmEvent] = []
    for intervals in (75, 140, 160, 48, 42, 350):
        patient = Patient()
        patient.beats("N" * 20, 75)
        patient.beats("N" * 20, intervals)
        found += patient.events
    patient = Patient()
    patient.signal = "noisy"
    patient.wait(700)
    patient.signal = "off"
    patient.wait(1000)
    patient.gap(100)
    found += patient.events
    begun = [event for event in found if event.change == "on"]
    for event in begun:
        declared = CONDITIONS[event.condition].delay_s
        assert declared is not None
        assert event.algorithmic_delay_s <= declared, event.condition
    assert {event.condition for event in begun} == {
        "BRADY", "TACHY", "EXTREME_BRADY", "EXTREME_TACHY", "PAUSE", "NOISY", "LEAD_OFF", "GAP"
    }  # fmt: skip


def test_fibrillation_alarms_when_it_has_lasted_and_once_for_what_comes_and_goes() -> None:
    patient = Patient()
    patient.rhythm = RhythmState("AFIB", 0, {"rule": "irregular"})
    patient.wait(2990)
    assert patient.changes == []
    patient.wait(20)
    assert patient.changes == [("AF", "on")]
    assert patient.events[0].onset_sample == 0
    patient.rhythm = RhythmState("N", patient.now)
    patient.beats("N" * 30)
    patient.rhythm = RhythmState("AFIB", patient.now)
    patient.beats("N" * 50)
    assert patient.changes == [("AF", "on")]
    patient.rhythm = RhythmState("N", patient.now)
    patient.beats("N" * 45)
    assert patient.changes == [("AF", "on"), ("AF", "off")]
