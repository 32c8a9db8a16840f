"""What holds for rhythms and beats made from recorded ones."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from heartwire.models.ecg.beat_sequences import SequenceMaker
from heartwire.models.ecg.ectopy import Stretch, reshape_rhythm
from heartwire.models.ecg.noisy import with_bursts, with_noise
from heartwire.models.ecg.recordings import Noise, Recording
from heartwire.models.ecg.wide_beats import block, late_forces, pace, ventricular, wide_complex

pytestmark = pytest.mark.train
_N, _S, _V, _F, _Q = range(5)


def _stretch(n: int = 60, rr: float = 200.0) -> Stretch:
    """Draw sinus rhythm: a P wave, a QRS complex and a T wave a beat."""
    peaks = 300.0 + rr * np.arange(n)
    t = np.arange(int(peaks[-1]) + 300)[None, :] - peaks[:, None]
    lead = sum(
        size * np.exp(-0.5 * ((t - at) / width) ** 2).sum(axis=0)
        for at, size, width in ((-40, 0.15, 5.0), (0, 1.0, 3.0), (60, 0.3, 12.0))
    )
    signal = np.stack((lead, 0.5 * lead, 0.0 * lead, 0.0 * lead)).astype(np.float32)
    return Stretch(signal, peaks, np.zeros(n, np.int64))


def _wide() -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    t = np.arange(160)
    bump = np.exp(-0.5 * ((t - 24) / 12.0) ** 2) - 0.5 * np.exp(-0.5 * ((t - 80) / 20.0) ** 2)
    return np.stack((bump, -bump, 0.0 * bump, 0.0 * bump)).astype(np.float32)


def test_every_made_rhythm_has_its_r_peaks_where_it_says() -> None:
    for seed in range(60):
        made = reshape_rhythm(_stretch(), np.random.default_rng(seed))
        assert len(made.peaks) == len(made.labels)
        assert (np.diff(made.peaks) > 0).all()
        for at in made.peaks[1:-1]:
            near = made.signal[0, int(at) - 5 : int(at) + 6]
            assert near.max() > 0.8
            assert abs(int(near.argmax()) - 5) <= 1


def test_premature_atrial_beats_come_early_and_are_the_only_ones_called_so() -> None:
    told, early = [], []
    for seed in range(60):
        made = reshape_rhythm(_stretch(), np.random.default_rng(seed))
        assert set(made.labels) <= {_N, _S}
        told.append(float((made.labels == _S).mean()))
        alone = (made.labels == _S) & (np.roll(made.labels, 1) == _N) & (np.roll(made.labels, -1) == _N)
        rr = np.diff(made.peaks, prepend=made.peaks[0])
        early += list(rr[2:][alone[2:]] / np.median(rr[2:]))
    assert np.median(early) < 0.85
    assert 0.02 < np.mean(told) < 0.6


def test_ventricular_beats_are_set_in_with_their_class_and_the_others_stay() -> None:
    for seed in range(40):
        made = ventricular(_stretch(), _wide(), np.random.default_rng(seed))
        assert set(made.labels) <= {_N, _V, _F, -1}
        normal = np.flatnonzero(made.labels == _N)[2:-2]
        assert all(made.signal[0, int(made.peaks[i])] > 0.6 for i in normal)


def test_a_pacemaker_leaves_a_spike_before_each_beat_it_takes() -> None:
    stretch, shares = _stretch(), []
    stretch.labels[10] = _V
    for seed in range(40):
        made = pace(stretch, _wide(), np.random.default_rng(seed))
        assert set(made.labels) <= {_N, _V, _Q, -1}
        assert (made.labels == _V).sum() == 1
        shares.append((made.labels == _Q).mean())
        assert all(made.signal[2:, int(at) - 30 : int(at) + 1].max() > 0.0 for at in made.peaks[made.labels == _Q])
        assert not any(made.signal[2:, int(at) - 2 : int(at) + 60].any() for at in made.peaks[made.labels == _V])
    assert max(shares) > 0.9
    assert sum(0.05 < share < 0.8 for share in shares) > 5


def test_a_bundle_branch_block_changes_the_wave_and_no_class() -> None:
    stretch = _stretch()
    stretch.labels[10] = _S
    made = block(stretch, _wide(), np.random.default_rng(0))
    told = made.labels >= 0
    np.testing.assert_array_equal(made.labels[told], stretch.labels[told])
    assert told.mean() > 0.9


def test_late_forces_leave_the_beginning_of_a_beat_and_every_class() -> None:
    stretch = _stretch()
    stretch.labels[10] = _V
    changed = []
    for seed in range(20):
        made = late_forces(stretch, np.random.default_rng(seed))
        np.testing.assert_array_equal(made.labels, stretch.labels)
        difference = np.abs(made.signal - stretch.signal)
        for at in stretch.peaks[2:-2]:
            assert not difference[:, int(at) - 50 : int(at)].any()
        assert not difference[:, int(stretch.peaks[10]) : int(stretch.peaks[10]) + 40].any()
        changed.append([difference[0, int(at) : int(at) + 60].any() for at in stretch.peaks])
    assert 0.1 < np.mean(changed) < 0.9


def _drawn(labels: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[Recording, list[Noise]]:
    stretch = _stretch(len(labels))
    signal, sharp = stretch.signal[:2].T.copy(), stretch.signal[2:].T.copy()
    noise = np.random.default_rng(1).normal(0, 0.1, (20_000, 2)).astype(np.float32)
    return Recording("drawn", signal, sharp, stretch.peaks, labels, [], [(0.0, "N")], 1.0), [Noise(noise, abs(noise))]


def test_noise_is_added_at_the_ratio_wanted_and_in_bursts() -> None:
    recording, noise = _drawn(np.zeros(300, np.int64))
    added = with_noise(recording, noise[0], 6.0).signal - recording.signal
    height = np.ptp(np.percentile(recording.signal, (0.5, 99.5), axis=0), axis=0)
    np.testing.assert_allclose(10 * np.log10(height**2 / 8 / added.var(axis=0)), 6.0, atol=0.1)
    bursts = with_bursts(recording, noise, np.random.default_rng(0))
    touched = (bursts.signal != recording.signal).any(axis=1)
    assert 0.1 < touched.mean() < 0.9
    assert ((bursts.sharp != recording.sharp).any(axis=1) == touched).mean() > 0.99


def test_a_complex_at_the_edge_is_not_cut_out() -> None:
    assert wide_complex(_stretch().signal, 3.0) is None


def test_sequences_have_a_class_only_where_one_is_known() -> None:
    recording, noise = _drawn(np.where(np.arange(300) % 17 == 0, _V, _N))
    drawn = SequenceMaker([recording], np.ones(1), noise, n_beats=40, seed=2).batch(16)
    assert drawn.wave.shape[:2] == drawn.features.shape[:2] == drawn.label.shape == (16, 40)
    assert np.isfinite(drawn.wave).all()
    assert np.isfinite(drawn.features).all()
    assert set(np.unique(drawn.label)) <= {-1, _N, _S, _V, _F, _Q}
    assert (drawn.label[:, :4] == -1).all()
