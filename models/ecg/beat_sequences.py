"""Training examples for the beat network: sequences of beats, from recordings and from rhythms made of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heartwire.engine.ecg.beat_context import CHANNELS, FEATURES, WIDTH, contexts
from heartwire.models.ecg.ectopy import Stretch, played, reshape_rhythm
from heartwire.models.ecg.recordings import Noise, Recording
from heartwire.models.ecg.wide_beats import block, late_forces, pace, ventricular, wide_complex

Array = npt.NDArray[np.float32]
_RARE = (1, 2, 3)
_PACED, _VENTRICULAR, _RESHAPED, _BLOCKED, _LATE = 0.12, 0.2, 0.35, 0.07, 0.08
"""Share of the sequences that are paced, get ventricular beats of another patient, another rhythm, a bundle branch
block, a right ventricle that is late in some beats."""
_PACED_ECTOPY = 0.3
"""Share of the paced sequences that get ventricular beats as well."""
_UNTOLD = 4
"""Beats at the start of a sequence that are not asked for: the patient is not known yet."""


class Sequences(NamedTuple):
    """A batch.

    `wave` is (batch, n_beats, CHANNELS, WIDTH), `features` (batch, n_beats, FEATURES), `label` (batch, n_beats) with -1
    for not asked, `drawn_from` (batch, n_recordings): whose beats are in the sequence.
    """

    wave: Array
    features: Array
    label: npt.NDArray[np.int64]
    drawn_from: npt.NDArray[np.bool_]


class SequenceMaker:
    """Draws stretches of recordings, reshapes the rhythm of some, disturbs them, and puts each beat into its context.

    Parameters
    ----------
    recordings
        What to draw from.
    shares
        How often each recording is drawn.
    noise
        Recordings of noise.
    n_beats
        Length of a sequence.

    Attributes
    ----------
    names
        Of the recordings that are drawn from, in the order of `Sequences.drawn_from`.
    """

    def __init__(
        self,
        recordings: list[Recording],
        shares: npt.NDArray[np.float64],
        noise: list[Noise],
        *,
        n_beats: int,
        seed: int,
    ) -> None:
        self._recordings = [r for r in recordings if len(r.beats) > 8]
        kept = np.array([len(r.beats) > 8 for r in recordings])
        self._share = shares[kept] / shares[kept].sum()
        self._noise = noise
        self._n = n_beats
        self.names = [r.name for r in self._recordings]
        self.seed(seed)
        self._rare = {
            c: [(i, np.flatnonzero(r.classes == c)) for i, r in enumerate(self._recordings) if (r.classes == c).any()]
            for c in _RARE
        }

    def seed(self, seed: int) -> None:
        """Begin anew with this seed."""
        self._random = np.random.default_rng(seed)

    def batch(self, size: int) -> Sequences:
        """Draw `size` sequences."""
        wave = np.zeros((size, self._n, CHANNELS, WIDTH), np.float32)
        features = np.zeros((size, self._n, FEATURES), np.float32)
        label = np.full((size, self._n), -1, np.int64)
        drawn_from = np.zeros((size, len(self._recordings)), np.bool_)
        for i in range(size):
            stretch = self._disturbed(self._draw(drawn_from[i]))
            n = min(self._n, len(stretch.peaks))
            of_wave, of_features = contexts(stretch.signal, stretch.peaks[:n])
            wave[i, :n], features[i, :n] = of_wave, of_features
            label[i, _UNTOLD:n] = stretch.labels[_UNTOLD:n]
        return Sequences(wave, features, label, drawn_from)

    def _draw(self, drawn_from: npt.NDArray[np.bool_]) -> Stretch:
        random = self._random
        rare = self._rare[int(random.choice(_RARE))] if random.random() < 0.35 else []
        if rare:
            # First the patient, then the beat: no patient's ectopy outweighs the others'.
            which, beats = rare[random.integers(len(rare))]
            begin = int(beats[random.integers(len(beats))]) - int(random.integers(self._n))
        else:
            which = int(random.choice(len(self._recordings), p=self._share))
            begin = int(random.integers(max(len(self._recordings[which].beats) - self._n, 1)))
        recording = self._recordings[which]
        drawn_from[which] = True
        begin = max(min(begin, len(recording.beats) - self._n - 2), 0)
        drawn = slice(begin, begin + self._n + 2)
        peaks = recording.beats[drawn]
        first = max(int(peaks[0]) - 250, 0)
        last = min(int(peaks[-1]) + 250, len(recording.signal))
        leads = random.permutation(max(recording.signal.shape[1], 2))[:2]
        stretch = Stretch(recording.rows(leads, first, last), peaks - first, recording.classes[drawn].copy())
        plain = (stretch.labels == 0).mean() > 0.7
        chance = random.random()
        ectopic = chance < _PACED * _PACED_ECTOPY or _PACED < chance < _PACED + _VENTRICULAR
        if ectopic and (wide := self._wide(drawn_from)) is not None:
            stretch = ventricular(stretch, wide, random)
        if chance < _PACED and (wide := self._wide(drawn_from)) is not None:
            stretch = pace(stretch, wide, random)
        elif plain and chance > 1.0 - _RESHAPED and not self._fibrillates(recording, peaks):
            stretch = reshape_rhythm(stretch, random)
        if plain and chance > _PACED and random.random() < _BLOCKED and (wide := self._wide(drawn_from)) is not None:
            stretch = block(stretch, wide, random)
        elif plain and random.random() < _LATE:
            stretch = late_forces(stretch, random)
        return stretch

    def _wide(self, drawn_from: npt.NDArray[np.bool_]) -> Array | None:
        """Draw a ventricular complex of any patient."""
        if not self._rare[2]:
            return None
        which, beats = self._rare[2][self._random.integers(len(self._rare[2]))]
        recording = self._recordings[which]
        drawn_from[which] = True
        peak = recording.beats[self._random.choice(beats)]
        first = max(int(peak) - 250, 0)
        return wide_complex(recording.rows(np.arange(2), first, first + 500), peak - first)

    @staticmethod
    def _fibrillates(recording: Recording, peaks: npt.NDArray[np.float64]) -> bool:
        """Tell whether the atria fibrillate or flutter anywhere in the stretch."""
        begins = np.array([begin for begin, _ in recording.rhythms])
        first = max(int(np.searchsorted(begins, peaks[0], side="right")) - 1, 0)
        last = int(np.searchsorted(begins, peaks[-1], side="right"))
        return any(label in ("AFIB", "AFL") for _, label in recording.rhythms[first:last])

    def _disturbed(self, stretch: Stretch) -> Stretch:
        random = self._random
        chance = random.random(7)
        x, peaks = stretch.signal.copy(), stretch.peaks
        if chance[0] < 0.6:
            speed = np.exp(random.uniform(-0.25, 0.25))
            x = played(x, speed, int((x.shape[1] - 1.0) / speed))
            peaks = peaks / speed
        if chance[1] < 0.5:
            turn = random.normal(0.0, 0.6)
            c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            wave = (c * x[0] - s * x[1], s * x[0] + c * x[1])
            x = np.stack((*wave, abs(c) * x[2] + abs(s) * x[3], abs(s) * x[2] + abs(c) * x[3]))
        x *= np.tile(np.exp(random.uniform(-0.7, 0.7, (2, 1))).astype(np.float32), (2, 1))
        # Front ends differ in how much of a spike they let through.
        x[2:] *= np.float32(np.exp(random.uniform(-0.5, 0.5)))
        x[:2][random.random(2) < 0.25] *= -1.0
        if chance[2] < 0.3:
            x += self._noise_like(x, random.uniform(6.0, 30.0))
        if chance[3] < 0.2:
            x[random.integers(2) :: 2] = 0.0
        if chance[4] < 0.3:
            x[:2] = _tilted(x[:2], random)
        keep = np.ones(len(peaks), np.bool_)
        if chance[5] < 0.15:
            keep = random.random(len(peaks)) > 0.01
        peaks = peaks + random.normal(0.0, 1.5, len(peaks))
        if chance[6] < 0.5:
            x = x[[1, 0, 3, 2]]
        return Stretch(_spikes_positive(x), np.maximum.accumulate(peaks[keep]), stretch.labels[keep])

    def _noise_like(self, x: Array, decibel: float) -> Array:
        random = self._random
        noise = self._noise[random.integers(len(self._noise))]
        first = int(random.integers(len(noise.signal) - min(len(noise.signal) // 2, x.shape[1])))
        leads = random.permutation(2)
        rows = np.concatenate(
            (noise.signal[first : first + x.shape[1], leads], noise.sharp[first : first + x.shape[1], leads]), axis=1
        ).T
        piece = np.resize(rows, x.shape)
        high, low = np.percentile(x[:2], (99.5, 0.5), axis=1, keepdims=True)
        power = (high - low) ** 2 / 8.0 / 10 ** (decibel / 10)
        scale = np.sqrt(power / np.maximum(piece[:2].var(axis=1, keepdims=True), 1e-6))
        return np.asarray(piece * np.tile(scale, (2, 1)), np.float32)


def _spikes_positive(x: Array) -> Array:
    x = np.ascontiguousarray(x)
    np.maximum(x[2:], 0.0, out=x[2:])
    return x


def _tilted(x: Array, random: np.random.Generator) -> Array:
    """Give the signal another front end: a little more or less of its slow or fast part."""
    slow = np.cumsum(x, axis=1)
    width = int(random.integers(3, 40))
    smooth = np.zeros_like(x)
    smooth[:, width:] = (slow[:, width:] - slow[:, :-width]) / width
    return (x + np.float32(random.uniform(-0.4, 0.4)) * np.roll(smooth, -(width // 2), axis=1)).astype(np.float32)
