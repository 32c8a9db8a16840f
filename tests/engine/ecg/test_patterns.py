from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.ecg.patterns import BeatPatterns, PatternSettings
from heartwire.engine.messages import Beat, BeatClass

RATE_HZ = 250.0
LABELS: tuple[BeatClass, ...] = ("N", "S", "V", "F", "Q")


class Patient:
    """Beats into the patterns; each label comes so many seconds after the beat before."""

    def __init__(self) -> None:
        self.patterns = BeatPatterns(RATE_HZ, PatternSettings())
        self.now = 0
        self.told: list[tuple[str, int]] = []

    def beats(self, labels: str, rr_s: float = 0.8) -> None:
        for label in labels:
            self.beat(LABELS["NSVFQ".index(label)], rr_s)

    def beat(self, label: BeatClass, rr_s: float) -> None:
        self.now += round(rr_s * RATE_HZ)
        before = self.patterns.state.label
        beat = Beat(stream="s", sample=self.now, decision_sample=self.now, label=label, confidence=1.0)
        self.patterns.beat(beat)
        if self.patterns.state.label != before:
            self.told.append((self.patterns.state.label, self.patterns.state.onset_sample))

    @property
    def label(self) -> str:
        return self.patterns.state.label


def test_three_beats_are_needed_for_sinus_rhythm() -> None:
    patient = Patient()
    patient.beats("NN")
    assert patient.label == ""
    patient.beats("N")
    assert patient.label == "N"


@pytest.mark.parametrize(("labels", "label"), [("NVNVNV", "B"), ("NNVNNVNNV", "T")])
def test_every_second_or_third_beat_ventricular_three_times_is_a_pattern(labels: str, label: str) -> None:
    patient = Patient()
    patient.beats("NNNN" + labels[:-1])
    assert patient.label == "N"
    patient.beats(labels[-1])
    assert patient.told[-1] == (label, patient.now - round(0.8 * RATE_HZ) * (len(labels) - 1))


def test_a_pattern_ends_without_ventricular_beats_and_with_two_in_a_row() -> None:
    patient = Patient()
    patient.beats("NVNVNVNNNN")
    assert patient.label == "N"
    patient.beats("NVNVNV")
    assert patient.label == "B"
    patient.beats("V", 0.5)
    assert patient.label == "N"


def test_slow_ventricular_beats_in_a_row_are_idioventricular() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.beats("VVV", 1.2)
    assert patient.label == "N"
    patient.beats("V", 1.2)
    assert patient.label == "IVR"
    patient.beats("NVV", 1.2)
    assert patient.label == "IVR"
    patient.beats("NN")
    assert patient.label == "N"


def test_fast_ventricular_beats_are_not_idioventricular() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.beats("VVVVVVVV", 0.5)
    assert patient.label == "N"


def test_a_rate_that_jumps_and_stays_regular_is_supraventricular_tachycardia() -> None:
    patient = Patient()
    patient.beats("N" * 8)
    begin = patient.now
    patient.beats("N" * 8, 0.4)
    assert patient.told[-1][0] == "SVTA"
    assert abs(patient.told[-1][1] - begin) <= round(0.4 * RATE_HZ)
    reason = patient.patterns.state.reason
    assert (reason["rate_bpm"], reason["before_bpm"]) == (150.0, 75.0)
    patient.beats("N" * 5)
    assert patient.label == "N"


def test_four_early_beats_in_a_row_are_supraventricular_tachycardia() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.beats("S", 0.5)
    begin = patient.now
    patient.beats("SS", 0.45)
    assert patient.label == "N"
    patient.beats("S", 0.55)
    assert patient.told[-1] == ("SVTA", begin)
    patient.beats("NNN")
    assert patient.label == "N"


def test_a_sinus_node_that_speeds_up_is_no_supraventricular_tachycardia() -> None:
    patient = Patient()
    rr_s = 0.8
    while rr_s > 0.36:
        patient.beats("N", rr_s)
        rr_s *= 0.99
    patient.beats("N" * 20, 0.36)
    assert patient.told == [("N", round(0.8 * RATE_HZ))]


def test_faster_than_any_sinus_node_is_supraventricular_tachycardia_however_it_began() -> None:
    patient = Patient()
    patient.beats("N" * 20, 0.3)
    assert patient.label == "SVTA"


def test_fast_and_irregular_is_no_supraventricular_tachycardia() -> None:
    patient = Patient()
    patient.beats("N" * 8)
    for rr_s in (0.35, 0.45, 0.38, 0.5, 0.33, 0.42, 0.36, 0.47) * 2:
        patient.beats("N", rr_s)
    assert patient.label == "N"


def test_mostly_paced_beats_are_a_paced_rhythm() -> None:
    patient = Patient()
    patient.beats("NNNN" + "Q" * 6)
    assert patient.label == "P"
    patient.beats("NNQNQ")
    assert patient.label == "P"
    patient.beats("NNNNNN")
    assert patient.label == "N"


def test_a_long_interval_joins_no_beats() -> None:
    patient = Patient()
    patient.beats("NVNV")
    patient.beats("N", 3.0)
    patient.beats("VNV")
    assert patient.label == "N"


beats = st.lists(st.tuples(st.sampled_from(LABELS), st.floats(0.2, 4.0)), max_size=60)


@given(beats, st.integers(0, 60))
def test_a_restored_state_goes_on_as_if_nothing_had_happened(row: list[tuple[BeatClass, float]], cut: int) -> None:
    whole, halved = Patient(), Patient()
    for n, (label, rr_s) in enumerate(row):
        if n == cut:
            state = halved.patterns.snapshot()
            halved.patterns = BeatPatterns(RATE_HZ, PatternSettings())
            halved.patterns.restore(state)
        whole.beat(label, rr_s)
        halved.beat(label, rr_s)
    assert halved.told == whole.told
    assert halved.patterns.state == whole.patterns.state


@given(beats)
def test_a_rhythm_never_begins_after_the_beat_that_shows_it(row: list[tuple[BeatClass, float]]) -> None:
    patient = Patient()
    for label, rr_s in row:
        patient.beat(label, rr_s)
        assert patient.patterns.state.onset_sample <= patient.now
