"""What holds for beats found by the shipped network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb

from heartwire.engine.ecg.beats import HOP, BeatDetector, DetectedBeat, snap
from heartwire.engine.ecg.conditioning import Conditioner
from heartwire.engine.inference import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("ecg-beats", provider="cpu")


def _heart(seconds: float, bpm: float, *, gain: float = 1.0) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
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


def _run(detector: BeatDetector, signal: npt.NDArray[np.float32]) -> list[DetectedBeat]:
    hops = np.split(signal[: len(signal) // HOP * HOP], len(signal) // HOP)
    return [beat for hop in hops for beat in detector.process(hop)]


@pytest.mark.parametrize("bpm", [45.0, 72.0, 130.0])
@pytest.mark.parametrize("gain", [0.4, 1.0, 2.5])
def test_every_beat_of_a_regular_heart_is_found_in_place(model: Model, bpm: float, gain: float) -> None:
    signal, peaks = _heart(30.0, bpm, gain=gain)
    conditioner = Conditioner(250.0, 2)
    found = _run(BeatDetector(model), conditioner.process(signal).samples)
    at_s = np.array([conditioner.source_sample(beat.at) / 250.0 for beat in found])
    assert len(at_s) == len(peaks)
    assert np.abs(at_s - peaks).max() < 0.025
    assert all(beat.label in "NS" for beat in found[2:])


def test_one_lead_is_enough(model: Model) -> None:
    signal, peaks = _heart(30.0, 75.0)
    signal[:, 1] = 0.0
    assert len(_run(BeatDetector(model), Conditioner(250.0, 2).process(signal).samples)) == len(peaks)


@pytest.mark.parametrize("level", [0.0, 0.01])
def test_no_beat_is_found_where_there_is_none(model: Model, level: float) -> None:
    hiss = np.random.default_rng(0).normal(0, 1, (20 * 250, 2)) * level
    assert _run(BeatDetector(model), hiss.astype(np.float32)) == []


def test_beats_are_told_within_the_declared_delay(model: Model) -> None:
    detector = BeatDetector(model)
    signal, _ = _heart(30.0, 90.0)
    for beat in _run(detector, signal):
        assert 0.0 < (beat.decided_at - beat.at) / 250.0 <= detector.delay_s


@pytest.mark.parametrize("cut", [0, 13, 40, 93])
def test_restoring_a_snapshot_equals_never_stopping(model: Model, cut: int) -> None:
    signal, _ = _heart(16.0, 80.0)
    first = BeatDetector(model)
    before = _run(first, signal[: cut * HOP]) if cut else []
    second = BeatDetector(model)
    second.restore(first.snapshot())
    assert before + _run(second, signal[cut * HOP :]) == _run(BeatDetector(model), signal)


def test_reset_equals_fresh(model: Model) -> None:
    signal, _ = _heart(12.0, 80.0)
    detector = BeatDetector(model)
    once = _run(detector, signal)
    detector.reset()
    assert _run(detector, signal) == once


def test_the_peak_is_put_onto_the_deflection_nearby_and_stays_where_there_is_none() -> None:
    t = np.arange(200)
    wave = (np.exp(-0.5 * ((t - 107.3) / 3.0) ** 2) - 1.2 * np.exp(-0.5 * ((t - 96.0) / 3.0) ** 2)).astype(np.float32)
    assert snap(wave, 103.0) == pytest.approx(107.3, abs=0.2)
    assert snap(-wave, 100.0) == pytest.approx(96.0, abs=0.2)
    assert snap(wave, 40.5) == 40.5
    assert snap(np.zeros(200, np.float32), 0.0) == 0.0


@pytest.mark.data
def test_a_record_the_network_never_saw_is_read_as_its_experts_did(model: Model, data_dir: Path) -> None:
    path = str(data_dir / "mitdb" / "100")
    record = wfdb.rdrecord(path, sampto=100_000)
    marks = wfdb.rdann(path, "atr", sampto=100_000)
    reference = np.array([s for s, symbol in zip(marks.sample, marks.symbol, strict=True) if symbol in "NAV"])
    conditioner = Conditioner(record.fs, 2)
    found = _run(BeatDetector(model), conditioner.process(record.p_signal.astype(np.float32)).samples)
    at = np.array([conditioner.source_sample(beat.at) for beat in found])
    distance_s = np.abs(reference[:-2, None] - at[None]).min(axis=1) / record.fs
    assert distance_s.max() < 0.02
    assert len(reference) - 2 <= len(at) <= len(reference)
