"""What holds for the wide beats of a paced patient."""

from __future__ import annotations

from heartwire.engine.ecg.paced_patient import PacedPatient


def _paced(n: int = 20, rr_s: float = 0.8) -> PacedPatient:
    patient = PacedPatient()
    for _ in range(n):
        patient.beat(rr_s, paced=True)
    return patient


def test_a_beat_at_the_pace_is_the_pacemakers_an_early_or_a_late_one_is_not() -> None:
    patient = _paced()
    assert patient.at_pace(0.8)
    assert patient.at_pace(0.85)
    assert not patient.at_pace(0.6)
    assert not patient.at_pace(1.2)


def test_a_patient_of_whom_few_beats_were_paced_is_none() -> None:
    assert not PacedPatient().at_pace(0.8)
    assert not _paced(11).at_pace(0.8)
    assert _paced(12).at_pace(0.8)


def test_pacing_that_has_ended_is_forgotten() -> None:
    patient = _paced(60)
    for _ in range(48):
        patient.beat(0.7, paced=False)
    assert patient.at_pace(0.8)
    patient.beat(0.7, paced=False)
    assert not patient.at_pace(0.8)


def test_the_pace_is_that_of_the_last_paced_beats_whatever_came_between() -> None:
    patient = _paced(30, rr_s=1.0)
    for _ in range(16):
        patient.beat(0.5, paced=False)
        patient.beat(0.7, paced=True)
    assert patient.at_pace(0.7)
    assert not patient.at_pace(1.0)


def test_a_snapshot_goes_on_where_it_was_taken_and_reset_forgets() -> None:
    patient, restored = _paced(), PacedPatient()
    restored.restore(patient.snapshot())
    assert restored.at_pace(0.8)
    restored.reset()
    assert not restored.at_pace(0.8)
