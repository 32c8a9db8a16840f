"""What holds for beats found by the shipped network."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.beats import (
    CLASSES,
    FRAME,
    HOP,
    REFRACTORY_FRAMES,
    BeatDetector,
    BeatSettings,
    DetectedBeat,
    FrameDecoder,
)
from heartwire.engine.ecg.conditioning import Conditioner
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model

SETTINGS = BeatSettings(0.5, 10, 20)


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


def _frames(peaks: dict[int, float], n: int = 120) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    qrs = np.zeros(n, np.float32)
    for frame, height in peaks.items():
        qrs[frame] = height
    classes = np.zeros((len(CLASSES), n), np.float32)
    classes[0] = 1.0
    return qrs, classes


def test_a_wide_complex_of_many_small_probabilities_is_one_beat() -> None:
    found = FrameDecoder(SETTINGS).decode(*_frames(dict.fromkeys(range(40, 47), 0.3)))
    assert len(found) == 1
    assert found[0, 0] == pytest.approx((43 - SETTINGS.qrs_lookahead_frames + 0.5) * FRAME - 0.5)


def test_of_two_peaks_within_the_refractory_period_the_larger_is_the_beat() -> None:
    found = FrameDecoder(SETTINGS).decode(*_frames({40: 0.6, 41: 0.6, 47: 0.9, 48: 0.9}))
    assert len(found) == 1
    assert found[0, 0] > (46 - SETTINGS.qrs_lookahead_frames) * FRAME


def test_no_two_beats_are_closer_than_the_refractory_period() -> None:
    found = FrameDecoder(SETTINGS).decode(*_frames(dict.fromkeys(range(30, 110), 0.5)))
    assert np.all(np.diff(found[:, 0]) >= (REFRACTORY_FRAMES - 1) * FRAME)


def test_the_class_is_read_when_its_look_ahead_has_passed() -> None:
    qrs, classes = _frames({40: 1.0, 41: 1.0, 39: 0.5})
    read = 40 + SETTINGS.class_lookahead_frames - SETTINGS.qrs_lookahead_frames
    classes[0, read] = 0.1
    classes[2, read] = 0.9
    assert CLASSES[int(FrameDecoder(SETTINGS).decode(qrs, classes)[0, 1])] == "V"


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 400), max_size=10))
def test_cutting_the_frames_changes_no_beat(seed: int, cuts: list[int]) -> None:
    random = np.random.default_rng(seed)
    qrs = (random.random(400) ** 6).astype(np.float32)
    classes = random.random((len(CLASSES), 400)).astype(np.float32)
    whole = FrameDecoder(SETTINGS).decode(qrs, classes)
    decoder = FrameDecoder(SETTINGS)
    edges = [0, *sorted(cuts), 400]
    parts = [decoder.decode(qrs[a:b], np.ascontiguousarray(classes[:, a:b])) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.all(np.diff(whole[:, 0]) > 0)


def test_a_card_without_a_threshold_is_refused() -> None:
    with pytest.raises(ModelError, match="qrs_threshold"):
        BeatSettings.from_card({})


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
