from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.ecg.evidence import Evidence
from heartwire.engine.ecg.evidence_numbers import NAMES
from heartwire.engine.ecg.pulse import Pulse
from heartwire.engine.ecg.pulse_channels import ChannelPulse
from heartwire.engine.ecg.reading import Hop
from heartwire.engine.ecg.rhythm import RhythmState
from heartwire.engine.ecg.step import Step
from heartwire.engine.ecg.ventricular import RhythmWindow
from heartwire.engine.messages import Beat, BeatClass, BeatStage

RATE_HZ = 250.0


def step(at_s: float, **known: object) -> Step:
    sample = round(at_s * RATE_HZ)
    window = RhythmWindow(sample - 500, sample, [0.2, 0.4], [0.1, 0.3], [0.0, 0.1], [True, True])
    hop = Hop(sample, [0.9, 0.5], False, (0, 1), (0, 1), window, [0.8, 0.4])
    return Step(sample, RATE_HZ, sample, "good", RhythmState("N", 0), hop=hop, **known)  # type: ignore[arg-type]


def beat(at_s: float, label: BeatClass = "N", confidence: float = 0.9, stage: BeatStage = "confirmed") -> Beat:
    sample = round(at_s * RATE_HZ)
    return Beat(stream="s", sample=sample, decision_sample=sample + 40, label=label, confidence=confidence, stage=stage)


def pulse(at_s: float, channel: int = 0, height: float = 1.0) -> ChannelPulse:
    return ChannelPulse(channel, Pulse(round(at_s * RATE_HZ), round((at_s + 0.2) * RATE_HZ), height, 1.0))


def of(evidence: Evidence, now_s: float) -> dict[str, float]:
    return dict(zip(NAMES, evidence.features(now_s).tolist(), strict=True))


def test_beats_give_rates_and_the_longest_silence_which_may_still_go_on() -> None:
    evidence = Evidence()
    for at_s in np.arange(1.0, 20.5, 0.5):
        evidence.step(step(at_s, findings=[beat(at_s)]))
    known = of(evidence, 24.0)
    assert known["gap_s"] == pytest.approx(4.0, abs=0.01)
    assert known["silence_s"] == pytest.approx(3.8, abs=0.01)
    assert known["fast17_bpm"] == pytest.approx(120.0, abs=0.5)
    assert known["slow5_median_bpm"] == pytest.approx(120.0, abs=0.5)
    assert np.isnan(known["pulse_gap_s"])
    assert not evidence.enough_pulses


def test_pulses_stand_in_for_beats_that_are_not_seen() -> None:
    evidence = Evidence()
    for at_s in np.arange(1.0, 30.0, 0.8):
        findings = [beat(at_s)] if at_s < 20.0 else []
        evidence.step(step(at_s, findings=findings, pulses=[pulse(at_s + 0.25), pulse(at_s + 0.2, 1, 2.0)]))
    known = of(evidence, 30.0)
    assert evidence.enough_pulses
    assert known["gap_s"] > 9.0
    assert known["silence_s"] < 1.5
    assert known["pulse_slow5_bpm"] == pytest.approx(75.0, abs=1.0)
    assert known["pulse_height_now"] == pytest.approx(1.0)


def test_ventricular_beats_in_a_row_count_and_a_class_revised_replaces_the_first() -> None:
    evidence = Evidence()
    for n in range(20):
        evidence.step(step(1.0 + 0.4 * n, findings=[beat(1.0 + 0.4 * n, "V" if n >= 14 else "N")]))
    last_s = 1.0 + 0.4 * 19
    assert of(evidence, last_s + 0.3)["ventricular_fast_run"] == 6.0
    evidence.step(step(last_s + 0.4, findings=[beat(last_s, "N", stage="revised"), beat(last_s + 0.35)]))
    assert of(evidence, last_s + 0.5)["ventricular_fast_run"] == 5.0


def test_windows_and_quality_are_summed_up() -> None:
    evidence = Evidence()
    for at_s in np.arange(0.5, 10.0, 0.5):
        evidence.step(step(at_s))
    known = of(evidence, 10.0)
    assert known["v4_any"] == pytest.approx(0.7)
    assert known["v4_both"] == pytest.approx(0.3)
    assert known["quality"] == pytest.approx(0.9)
    assert known["network_quality_worse"] == pytest.approx(0.4)


def test_nothing_known_is_told_as_such_and_missing_samples_end_what_was_known() -> None:
    evidence = Evidence()
    assert np.isnan(evidence.features(10.0)[NAMES.index("quality")])
    evidence.step(step(1.0, findings=[beat(1.0)]))
    evidence.step(Step(300, RATE_HZ, 300, "good", RhythmState("N", 0), missing=(300, 50)))
    assert not evidence.beats


def test_a_snapshot_restores_the_evidence() -> None:
    evidence, other = Evidence(), Evidence()
    for at_s in np.arange(1.0, 30.0, 0.7):
        evidence.step(step(at_s, findings=[beat(at_s, "V")], pulses=[pulse(at_s + 0.3)]))
    other.restore(evidence.snapshot())
    np.testing.assert_array_equal(other.features(30.0), evidence.features(30.0))
