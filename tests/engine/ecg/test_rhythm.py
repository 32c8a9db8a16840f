from __future__ import annotations

from heartwire.engine.ecg.rhythm import RhythmSettings, RhythmTracker
from heartwire.engine.ecg.rhythm_state import RhythmState
from heartwire.engine.messages import Beat, BeatClass

RATE_HZ = 100.0
CLASS: dict[str, BeatClass] = {"N": "N", "V": "V", "S": "S"}


class Patient:
    """Beats and windows into a tracker, a decision every 10 samples."""

    def __init__(self) -> None:
        self.tracker = RhythmTracker(RATE_HZ, RhythmSettings())
        self.now = 0
        self.changes: list[tuple[str, int]] = []

    def wait(self, samples: int, *, readable: bool = True) -> None:
        until = self.now + samples
        while self.now < until:
            self.now = min(self.now + 10, until)
            if changed := self.tracker.decide(self.now, readable=readable):
                self.changes.append((changed.label, changed.onset_sample))

    def beats(self, labels: str, interval: int = 80) -> None:
        for label in labels:
            self.wait(interval)
            self.tracker.beat(
                Beat(stream="s", sample=self.now, decision_sample=self.now, label=CLASS[label], confidence=1.0)
            )

    def windows(self, *p: tuple[float, float]) -> None:
        for p_vt, p_vf in p:
            self.wait(50)
            self.tracker.vote.window(self.now - 200, p_vt, p_vf)

    @property
    def label(self) -> str:
        self.wait(10)
        return self.tracker.state.label


def test_a_few_beats_are_needed_for_a_rhythm() -> None:
    patient = Patient()
    patient.beats("NN")
    assert patient.label == ""
    patient.beats("N")
    assert patient.label == "N"


def test_no_beat_for_four_seconds_is_asystole_from_the_last_beat_on() -> None:
    patient = Patient()
    patient.beats("NNNN")
    last = patient.now
    patient.wait(390)
    assert patient.label == "ASYS"
    assert patient.changes[-1] == ("ASYS", last)
    patient.beats("N")
    assert patient.label == ""
    patient.beats("NN")
    assert patient.label == "N"


def test_asystole_is_seen_from_the_start() -> None:
    patient = Patient()
    patient.wait(420)
    assert patient.label == "ASYS"


def test_silence_proves_nothing_while_the_signal_cannot_be_read() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.wait(1000, readable=False)
    assert patient.tracker.state.label == ""
    patient.wait(380)
    assert patient.label == ""
    patient.wait(20)
    assert patient.label == "ASYS"


def test_missing_samples_start_the_silence_anew() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.wait(200)
    patient.tracker.interrupt(patient.now + 200)
    patient.now += 200
    patient.wait(380)
    assert patient.label == ""


def test_five_fast_ventricular_beats_are_tachycardia() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.beats("V", 40)
    begin = patient.now
    patient.beats("VVV", 40)
    assert patient.label == "N"
    patient.beats("V", 40)
    assert patient.label == "VT"
    assert patient.changes[-1] == ("VT", begin)


def test_a_run_that_the_windows_rule_out_is_no_tachycardia_until_they_do_not() -> None:
    patient = Patient()
    patient.tracker.vote.window(0, 0.1, 0.0)
    patient.beats("V" * 40, 40)
    assert patient.label != "VT"
    patient.tracker.vote.window(patient.now, 0.7, 0.1)
    patient.beats("V", 40)
    assert patient.label == "VT"
    assert patient.now - patient.changes[-1][1] < 300


def test_slow_ventricular_beats_are_no_tachycardia() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.beats("VVVVVVVV", 70)
    assert patient.label == "IVR"


def test_two_other_beats_do_not_end_tachycardia_but_three_do() -> None:
    patient = Patient()
    patient.beats("NNN")
    patient.beats("VVVVVVNNVV", 50)
    assert patient.label == "VT"
    patient.beats("NNN")
    assert patient.label == ""
    patient.beats("NNN")
    assert [label for label, _ in patient.changes] == ["N", "VT", "", "N"]


def test_votes_begin_and_end_fibrillation() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.windows((0.1, 0.8), (0.0, 0.2), (0.1, 0.8))
    first = patient.now - 100 - 200
    assert patient.label == "N"
    patient.windows((0.0, 0.9))
    assert patient.label == "N"
    patient.windows((0.2, 0.7))
    assert patient.label == "VF"
    assert patient.changes[-1] == ("VF", first)
    patient.windows(*[(0.0, 0.1)] * 3)
    assert patient.label == "VF"
    patient.windows(*[(0.0, 0.1)] * 3)
    assert patient.label != "VF"


def test_fibrillation_is_no_asystole_and_asystole_after_it_takes_its_time() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.windows(*[(0.0, 0.9)] * 20)
    assert patient.label == "VF"
    patient.windows(*[(0.0, 0.0)] * 6)
    end = patient.now
    patient.wait(200)
    assert patient.changes[-1][0] == "ASYS"
    assert end - 500 < patient.changes[-1][1] < end


def test_doubtful_windows_do_not_begin_fibrillation_but_hold_it() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.windows(*[(0.1, 0.6)] * 12)
    assert patient.label != "VF"
    patient.windows(*[(0.1, 0.8)] * 5)
    assert patient.label == "VF"
    patient.windows(*[(0.1, 0.6)] * 12)
    assert patient.label == "VF"


def test_votes_for_tachycardia_become_fibrillation_only_by_a_clear_majority() -> None:
    patient = Patient()
    patient.windows(*[(0.8, 0.1)] * 6)
    assert patient.label == "VT"
    patient.windows(*[(0.4, 0.5)] * 7)
    assert patient.label == "VT"
    patient.windows(*[(0.1, 0.8)] * 7)
    assert patient.label == "VF"


def test_a_run_of_ventricular_beats_is_no_fibrillation() -> None:
    patient = Patient()
    for _ in range(14):
        patient.beats("V", 50)
        patient.tracker.vote.window(patient.now - 200, 0.1, 0.8)
    assert patient.label == "VT"
    patient.windows((0.1, 0.8), (0.1, 0.8), (0.1, 0.8), (0.1, 0.8))
    assert patient.label == "VF"


def test_fibrillation_that_looks_regular_for_a_moment_stays_fibrillation() -> None:
    patient = Patient()
    patient.beats("NNNN")
    patient.windows(*[(0.0, 1.0)] * 6)
    assert patient.label == "VF"
    patient.beats("V" * 8, interval=30)
    assert patient.label == "VF", "a run is whole after five of them, and 1.2 s of it prove nothing"
    patient.windows(*[(0.0, 1.0)] * 4)
    patient.beats("V" * 16, interval=30)
    assert patient.label == "VT", "it has lasted for three seconds"


def test_bigeminy_and_trigeminy_have_their_names() -> None:
    patient = Patient()
    patient.beats("NNNNVNVNV")
    assert patient.label == "B"
    patient.beats("NNNNN")
    assert patient.label == "N"
    patient.beats("NNVNNVNNV")
    assert patient.label == "T"
    patient.beats("NVNVNV")
    assert patient.label == "B"


def test_a_snapshot_carries_everything() -> None:
    patient, other = Patient(), Patient()
    patient.beats("NNNVNVN")
    patient.windows((0.1, 0.8), (0.1, 0.8), (0.1, 0.8))
    other.tracker.restore(patient.tracker.snapshot())
    other.now = patient.now
    for p in (patient, other):
        p.windows((0.1, 0.8), (0.1, 0.8), (0.0, 0.1))
        p.beats("VNVN")
    assert other.changes == patient.changes[-len(other.changes) :]
    assert isinstance(other.tracker.state, RhythmState)


def _fibrillates(patient: Patient, labels: str, onset: int, interval: int = 80) -> None:
    for label in labels:
        patient.wait(interval)
        beat = Beat(stream="s", sample=patient.now, decision_sample=patient.now, label=CLASS[label], confidence=1.0)
        patient.tracker.beat(beat, RhythmState("AFIB", onset))


def test_fibrillation_from_the_first_beat_takes_the_place_of_what_was_told_before() -> None:
    patient = Patient()
    patient.beats("NNNNNNNNNN")
    _fibrillates(patient, "N", 80)
    assert patient.label == "AFIB"
    assert patient.changes == [("N", 80), ("AFIB", 81)]


def test_fibrillation_goes_on_after_a_rhythm_that_broke_into_it() -> None:
    patient = Patient()
    _fibrillates(patient, "NNNNNN", 80)
    _fibrillates(patient, "VVVV", 80, 120)
    assert patient.label == "IVR"
    _fibrillates(patient, "NN", 80)
    assert patient.label == "AFIB"
    assert patient.changes[-1] == ("AFIB", patient.now - 10)


def test_what_follows_fibrillation_begins_where_it_ended() -> None:
    patient = Patient()
    _fibrillates(patient, "NNNNNNNN", 80)
    ended = patient.now
    patient.wait(80)
    beat = Beat(stream="s", sample=patient.now, decision_sample=patient.now, label="N", confidence=1.0)
    patient.tracker.beat(beat, RhythmState("", ended))
    assert patient.label == "N"
    assert patient.changes[-1] == ("N", ended)
