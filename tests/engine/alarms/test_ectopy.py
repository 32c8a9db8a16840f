from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.ectopy import Change, EctopyWatch
from heartwire.engine.alarms.limits import AlarmLimits
from heartwire.engine.messages import Beat, BeatClass

RATE_HZ = 250.0
LABELS: tuple[BeatClass, ...] = ("N", "S", "V", "F", "Q")


class Patient:
    """Beats into the watch, a look every 40 ms."""

    def __init__(self, rhythm: str = "N") -> None:
        self.watch = EctopyWatch(RATE_HZ)
        self.rhythm = rhythm
        self.now = 0
        self.changes: list[Change] = []

    def wait(self, seconds: float) -> None:
        until = self.now + round(seconds * RATE_HZ)
        while self.now < until:
            self.now = min(self.now + 10, until)
            self.changes += self.watch.look(self.now)

    def beats(self, labels: str, rr_s: float = 0.8) -> None:
        for label in labels:
            self.beat(LABELS["NSVFQ".index(label)], rr_s)

    def beat(self, label: BeatClass, rr_s: float) -> None:
        self.wait(rr_s)
        beat = Beat(stream="s", sample=self.now, decision_sample=self.now, label=label, confidence=1.0)
        self.changes += self.watch.beat(beat, self.rhythm, AlarmLimits())

    def begun(self) -> list[str]:
        return [change.code for change in self.changes if change.onset_sample is not None]


def test_a_regular_rhythm_calls_for_nothing() -> None:
    patient = Patient()
    patient.beats("N" * 60)
    assert patient.changes == []


def test_two_ventricular_beats_between_others_are_a_couplet_and_three_are_not() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.beats("V", 0.5)
    begin = patient.now
    patient.beats("V", 0.5)
    assert patient.begun() == []
    patient.beats("N")
    assert [(c.code, c.onset_sample) for c in patient.changes] == [("COUPLET", begin)]
    patient = Patient()
    patient.beats("NNNN")
    patient.beats("VVVN", 0.5)
    assert patient.begun() == []


def test_a_couplet_is_over_after_a_while() -> None:
    patient = Patient()
    patient.beats("NNNNVVN")
    patient.beats("N" * 20)
    assert [(c.code, c.onset_sample is None) for c in patient.changes] == [("COUPLET", False), ("COUPLET", True)]


@pytest.mark.parametrize(("early_s", "told"), [(0.3, True), (0.42, False)])
def test_a_ventricular_beat_before_the_end_of_the_t_wave_is_r_on_t(early_s: float, told: bool) -> None:
    patient = Patient()
    patient.beats("N" * 8)
    patient.beats("V", early_s)
    assert patient.begun() == (["R_ON_T"] if told else [])
    if told:
        assert patient.changes[0].reason["interval_s"] == early_s


def test_more_ventricular_beats_a_minute_than_the_limit_are_told_once_and_end_when_fewer() -> None:
    patient = Patient()
    patient.beats("NNNV" * 15)
    assert patient.begun() == ["PVC_RATE"]
    assert patient.changes[0].reason["beats"] == AlarmLimits().pvc_per_minute + 1
    patient.beats("N" * 90)
    assert [c.code for c in patient.changes] == ["PVC_RATE", "PVC_RATE"]


def test_a_beat_missing_from_a_regular_rhythm_is_told_at_the_next_one() -> None:
    patient = Patient()
    patient.beats("N" * 10)
    last = patient.now
    patient.wait(1.4)
    assert patient.begun() == []
    patient.beats("N", 0.2)
    assert [(c.code, c.onset_sample) for c in patient.changes] == [("MISSED_BEAT", last)]
    assert patient.changes[0].reason["interval_s"] == 1.6


def test_no_beat_is_missed_in_an_irregular_rhythm_or_after_an_early_one() -> None:
    fibrillating = Patient("AFIB")
    fibrillating.beats("N" * 10)
    fibrillating.beats("N", 1.6)
    assert fibrillating.begun() == []
    irregular = Patient()
    for rr_s in (0.6, 0.9, 0.7, 1.1, 0.8, 0.65, 0.95, 0.7, 1.8):
        irregular.beats("N", rr_s)
    assert irregular.begun() == []
    early = Patient()
    early.beats("N" * 10)
    early.beats("V", 0.5)
    early.beats("N", 1.6)
    assert early.begun() == []


def test_beats_on_both_sides_of_a_gap_are_not_joined() -> None:
    patient = Patient()
    patient.beats("NNNNV")
    patient.watch.interrupt()
    patient.beats("VN")
    assert patient.begun() == []


beats = st.lists(st.tuples(st.sampled_from(LABELS), st.floats(0.2, 4.0)), max_size=40)


@given(beats, st.integers(0, 40))
def test_a_restored_state_goes_on_as_if_nothing_had_happened(row: list[tuple[BeatClass, float]], cut: int) -> None:
    whole, halved = Patient(), Patient()
    for n, (label, rr_s) in enumerate(row):
        if n == cut:
            state = halved.watch.snapshot()
            halved.watch = EctopyWatch(0.0)
            halved.watch.restore(state)
        whole.beat(label, rr_s)
        halved.beat(label, rr_s)
    assert halved.changes == whole.changes


@given(beats)
def test_every_change_is_of_a_known_condition_and_begins_no_later_than_now(row: list[tuple[BeatClass, float]]) -> None:
    patient = Patient()
    for label, rr_s in row:
        patient.beat(label, rr_s)
        assert all(c.code in CONDITIONS and (c.onset_sample or 0) <= patient.now for c in patient.changes)
