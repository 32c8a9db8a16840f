"""What holds for R peaks found by the shipped network."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.conditioning import Conditioner
from heartwire.engine.ecg.pacing import AFTER, PacerPulse
from heartwire.engine.ecg.qrs import QRS_LOOKS_BACK, QrsDetector, RPeak, snap
from heartwire.engine.ecg.slots import FRAME
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.inference import Model

MODEL = Model("ecg-qrs", provider="cpu")


def _detector() -> QrsDetector:
    return QrsDetector(MODEL, Tail(QRS_LOOKS_BACK, 2))


Signal = npt.NDArray[np.float32]


def _heart(seconds: float, bpm: float, *, gain: float = 1.0) -> tuple[Signal, npt.NDArray[np.float64]]:
    """Draw P, QRS and T as bells, in two leads at 250 Hz."""
    t = np.arange(int(seconds * 250)) / 250.0
    peaks = np.arange(1.0, seconds - 1.0, 60.0 / bpm)
    x = np.zeros_like(t)
    for at, size, width in (
        (-0.16, 0.12, 0.025),
        (-0.025, -0.12, 0.01),
        (0, 1.1, 0.011),
        (0.03, -0.25, 0.012),
        (0.27, 0.3, 0.05),
    ):
        for peak in peaks:
            x += size * np.exp(-0.5 * ((t - peak - at) / width) ** 2)
    return (gain * np.stack((x, 0.6 * x), axis=1)).astype(np.float32), peaks


def _confirmed(peaks: list[RPeak]) -> list[RPeak]:
    """Leave out the first second: the first wave that a network ever sees may be taken for a beat."""
    return [peak for peak in peaks if peak.confirmed and peak.at > 1.2 * 250]


@pytest.mark.parametrize("bpm", [45.0, 72.0, 130.0])
@pytest.mark.parametrize("gain", [0.4, 1.0, 2.5])
def test_every_beat_of_a_regular_heart_is_found_in_place(bpm: float, gain: float) -> None:
    signal, peaks = _heart(30.0, bpm, gain=gain)
    conditioner = Conditioner(250.0, 2)
    found = _confirmed(_detector().process(conditioner.process(signal).samples))
    at_s = np.array([conditioner.source_sample(beat.at) / 250.0 for beat in found])
    assert len(at_s) == len(peaks) - 1
    assert np.abs(at_s - peaks[1:]).max() < 0.025


def test_one_lead_is_enough() -> None:
    signal, peaks = _heart(30.0, 75.0)
    signal[:, 1] = 0.0
    found = _detector().process(Conditioner(250.0, 2).process(signal).samples)
    assert len(_confirmed(found)) == len(peaks) - 1


@pytest.mark.parametrize("level", [0.0, 0.01])
def test_no_beat_is_found_where_there_is_none(level: float) -> None:
    hiss = np.random.default_rng(0).normal(0, 1, (20 * 250, 2)) * level
    assert _detector().process(hiss.astype(np.float32)) == []


def test_beats_are_told_within_the_declared_delay_and_soon() -> None:
    detector = _detector()
    signal, peaks = _heart(60.0, 90.0)
    found = detector.process(signal)
    assert all(0.0 < p.decided_at - p.at <= detector.delay and (p.decided_at + 1) % FRAME == 0 for p in found)
    at = 250.0 * peaks
    delays = {
        stage: [p.decided_at - at[np.abs(at - p.at).argmin()] for p in found if p.confirmed == stage]
        for stage in (True, False)
    }
    # With the 24 ms of conditioning: 200 and 80 ms.
    assert np.median(delays[True]) / 250.0 <= 0.176
    assert np.median(delays[False]) / 250.0 <= 0.056


@settings(max_examples=30, deadline=None)
@given(cuts=st.lists(st.integers(0, 3000), max_size=40))
def test_cutting_the_samples_changes_no_bit_of_any_peak_or_quality(cuts: list[int]) -> None:
    signal, _ = _heart(12.0, 100.0)
    signal += np.random.default_rng(1).normal(0, 0.03, signal.shape).astype(np.float32)
    whole, cut = _detector(), _detector()
    found, quality = [], whole.process(signal)
    edges = [0, *sorted(cuts), len(signal)]
    for a, b in pairwise(edges):
        found += cut.process(signal[a:b])
    assert found == quality
    assert cut.snapshot() == whole.snapshot()
    end = len(signal) // FRAME * FRAME
    np.testing.assert_array_equal(cut.quality(end), whole.quality(end))


@pytest.mark.parametrize("offset", range(8, 25))
def test_a_peak_before_a_pulse_is_confirmed_or_not_whatever_came_at_once(offset: int) -> None:
    signal, peaks = _heart(6.0, 60.0)
    at = round(250.0 * peaks[2]) + offset
    pulse = PacerPulse(at, 1.0, alone=True)
    told = []
    for step in (1, FRAME, len(signal)):
        detector, found = _detector(), []
        for first in range(0, len(signal), step):
            # A pulse is given with the samples that complete it.
            known = first <= at + AFTER < first + step
            found += detector.process(signal[first : first + step], [pulse] if known else [])
        told.append(found)
    assert told[0] == told[1] == told[2]


def test_a_clean_signal_has_a_better_quality_than_noise_and_that_of_the_past_can_be_asked_for() -> None:
    signal, _ = _heart(20.0, 80.0)
    signal[2500:] = np.random.default_rng(0).normal(0, 0.5, (2500, 2)).astype(np.float32)
    detector = _detector()
    detector.process(signal)
    assert (detector.quality(2480) > 0.5).all()
    assert (detector.quality(5000) < 0.5).all()


@pytest.mark.parametrize("cut", [0, 13, 1601, 3721])
def test_restoring_a_snapshot_equals_never_stopping(cut: int) -> None:
    signal, _ = _heart(16.0, 80.0)
    kept = Tail(QRS_LOOKS_BACK, 2)
    first, second = QrsDetector(MODEL, kept), QrsDetector(MODEL, kept)
    before = first.process(signal[:cut])
    second.restore(first.snapshot())
    assert before + second.process(signal[cut:]) == _detector().process(signal)


def test_reset_equals_fresh() -> None:
    signal, _ = _heart(12.0, 80.0)
    kept = Tail(QRS_LOOKS_BACK, 2)
    detector = QrsDetector(MODEL, kept)
    once = detector.process(signal[:2003])
    detector.reset()
    kept.reset()
    assert detector.process(signal[:2003]) == once


def test_the_peak_is_put_onto_the_deflection_nearby_and_stays_where_there_is_none() -> None:
    t = np.arange(200)
    wave = (np.exp(-0.5 * ((t - 107.3) / 3.0) ** 2) - 1.2 * np.exp(-0.5 * ((t - 96.0) / 3.0) ** 2)).astype(np.float32)
    assert snap(wave, 103.0) == pytest.approx(107.3, abs=0.2)
    assert snap(-wave, 100.0) == pytest.approx(96.0, abs=0.2)
    assert snap(wave, 40.5) == 40.5
    assert snap(np.zeros(200, np.float32), 0.0) == 0.0


@pytest.mark.data
def test_a_record_is_read_as_its_experts_did(data_dir: Path) -> None:
    path = str(data_dir / "mitdb" / "100")
    record = wfdb.rdrecord(path, sampto=100_000)
    marks = wfdb.rdann(path, "atr", sampto=100_000)
    reference = np.array([s for s, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol in "NAV"])
    conditioner = Conditioner(record.fs, 2)
    found = _detector().process(conditioner.process(record.p_signal.astype(np.float32)).samples)
    at = np.array([conditioner.source_sample(beat.at) for beat in _confirmed(found)])
    distance_s = np.abs(reference[2:-2, None] - at[None]).min(axis=1) / record.fs
    assert distance_s.max() < 0.02
    assert len(reference) - 4 <= len(at) <= len(reference)
