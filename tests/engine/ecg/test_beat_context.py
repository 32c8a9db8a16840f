"""What holds for beats put into the patient's own context."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.beat_context import BEFORE, FEATURES, ROWS, WIDTH, Array, BeatContext, contexts, cut

_EARLY, _AGAINST_MEDIAN, _AGAINST_LONGEST = 1, 2, 5
_QRS_LIKENESS = 9


def _crops(n: int, seed: int = 0) -> Array:
    crops = np.random.default_rng(seed).normal(0, 1, (n, ROWS, WIDTH)).astype(np.float32)
    crops[:, 2:] = abs(crops[:, 2:])
    return crops


def _walk(crops: Array, peaks: list[float]) -> list[tuple[Array, Array]]:
    context = BeatContext()
    seen = []
    for crop, at in zip(crops, peaks, strict=True):
        context.beat(crop, at)
        seen.append((context.wave.copy(), context.features.copy()))
    return seen


@given(st.integers(1, 60), st.integers(0, 1000))
@settings(max_examples=20, deadline=None)  # the first call compiles
def test_the_usual_beat_is_the_median_of_the_last_sixteen(n: int, seed: int) -> None:
    # Whole numbers: values that come twice are the hard case of a running median.
    crops = np.round(_crops(n + 1, seed) * 2).astype(np.float32)
    wave, _ = _walk(crops, [200.0 * i for i in range(n + 1)])[-1]
    last = crops[max(n - 16, 0) : n, :2]
    unit = np.maximum(np.median(np.ptp(last, axis=2), axis=0), 0.05)
    np.testing.assert_allclose(wave[:2], crops[n, :2] / unit[:, None], rtol=1e-5)
    np.testing.assert_allclose(wave[2:4], (crops[n, :2] - np.median(last, axis=0)) / unit[:, None], atol=1e-5)
    np.testing.assert_allclose(wave[4:6], crops[n, 2:] / unit[:, None], rtol=1e-5)


def test_a_weak_spike_at_one_place_before_every_beat_rises_out_of_the_noise() -> None:
    crops = _crops(40)
    crops[:, 2:] *= 0.05
    crops[:, 2, 20] += 0.1
    wave, _ = _walk(crops, [200.0 * i for i in range(40)])[-1]
    usual = wave[8, np.arange(WIDTH) != 20]
    assert wave[8, 20] > usual.max() + 0.5
    assert wave[9].max() < wave[8, 20] - 0.5


def test_one_artefact_is_not_a_spike_of_the_patient() -> None:
    crops = _crops(40)
    crops[:, 2:] *= 0.05
    crops[-2, 2, 20] = 1000.0
    wave, _ = _walk(crops, [200.0 * i for i in range(40)])[-1]
    assert wave[8, 20] < 2.0


def test_amplitude_does_not_matter() -> None:
    crops, peaks = _crops(30), [200.0 * i for i in range(30)]
    for (wave, features), (of_double, features_of_double) in zip(
        _walk(crops, peaks), _walk(2 * crops, peaks), strict=True
    ):
        np.testing.assert_allclose(wave, of_double, atol=1e-5)
        np.testing.assert_allclose(features, features_of_double, atol=1e-2)


def test_an_early_beat_has_an_early_number() -> None:
    peaks = [200.0 * i for i in range(20)]
    peaks.append(peaks[-1] + 120.0)
    _, features = _walk(_crops(21), peaks)[-1]
    for k in (_EARLY, _AGAINST_MEDIAN, _AGAINST_LONGEST):
        assert features[k] == pytest.approx(np.log(120 / 200), abs=1e-5)


def test_a_beat_of_another_form_is_unlike_the_usual_one() -> None:
    crops = np.repeat(_crops(1), 21, axis=0)
    crops[-1] *= -1.0
    seen = _walk(crops, [200.0 * i for i in range(21)])
    assert seen[-2][1][_QRS_LIKENESS] == pytest.approx(1.0, abs=1e-3)
    assert seen[-1][1][_QRS_LIKENESS] == pytest.approx(-1.0, abs=1e-3)


def test_the_first_beat_has_numbers_too() -> None:
    wave, features = _walk(_crops(1), [100.0])[0]
    assert np.isfinite(wave).all()
    assert np.isfinite(features).all()
    assert not wave[2:4].any()


def test_a_whole_signal_at_once_equals_beat_by_beat() -> None:
    signal = np.random.default_rng(1).normal(0, 1, (ROWS, 6000)).astype(np.float32)
    peaks = np.arange(30.0, 5900.0, 170.3)
    crops = np.empty((len(peaks), ROWS, WIDTH), np.float32)
    for crop, at in zip(crops, peaks, strict=True):
        cut(np.ascontiguousarray(signal.T), int(np.floor(at + 0.5)) - BEFORE, crop)
    wave, features = contexts(signal, peaks)
    for i, (of_wave, of_features) in enumerate(_walk(crops, list(peaks))):
        np.testing.assert_array_equal(wave[i], of_wave)
        np.testing.assert_array_equal(features[i], of_features)
    assert features.shape == (len(peaks), FEATURES)


def test_a_spike_counts_wherever_it_falls_and_what_is_outside_of_the_signal_is_nothing() -> None:
    crop = np.empty((ROWS, WIDTH), np.float32)
    for at in (10, 11):
        signal = np.zeros((ROWS, 40), np.float32)
        signal[:, at] = 1.0
        cut(np.ascontiguousarray(signal.T), 0, crop)
        assert crop[2, 5] == crop[3, 5] == 1.0
        assert crop[0, 5] == (at == 10)
        cut(np.ascontiguousarray(signal.T), -10, crop)
        assert crop[2, 10] == 1.0
        assert crop.sum() == 4.0 - 2.0 * (at == 11)


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    crops, peaks = _crops(40), [190.0 * i for i in range(40)]
    context = BeatContext()
    for crop, at in zip(crops[:25], peaks[:25], strict=True):
        context.beat(crop, at)
    restored = BeatContext()
    restored.restore(context.snapshot())
    for crop, at in zip(crops[25:], peaks[25:], strict=True):
        context.beat(crop, at)
        restored.beat(crop, at)
        np.testing.assert_array_equal(context.wave, restored.wave)
        np.testing.assert_array_equal(context.features, restored.features)
