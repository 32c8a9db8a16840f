"""Training examples for the QRS network: crops of recordings, disturbed as signals at the bedside are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heartwire.models.ecg.qrs_network import FRAME, LOOKAHEADS_S, SLOTS
from heartwire.models.ecg.recordings import Noise, Recording

Array = npt.NDArray[np.float32]
SLOT = FRAME // SLOTS
SLOT_S = SLOT / 250.0
_WIDTH_SLOTS = 1.5
"""Standard deviation of the target around an R peak: 12 ms."""
_RARE = (1, 2, 3, 4)
_UNTOLD = 0.4
"""Seconds at the start of a crop for which nothing is asked."""
_USABLE_DB = (3.0, 12.0)
"""Signal-to-noise ratio at which a lead's quality is 0, and 1."""


class Crops(NamedTuple):
    """A batch.

    `signal` is (batch, 2, n_samples); `qrs` is (batch, look-aheads, n_slots) and `qrs_weight` with it; `quality` is
    (batch, 2, n_frames).
    """

    signal: Array
    qrs: Array
    qrs_weight: Array
    quality: Array


@dataclass
class _Crop:
    signal: Array  # (2, n_samples)
    beats: npt.NDArray[np.float64]
    masked: npt.NDArray[np.bool_]  # (n_samples,)
    noise: Array  # (2, n_samples): what was added
    lost: npt.NDArray[np.bool_]  # (2, n_samples): nothing of the heart is left


class CropMaker:
    """Draws crops at random, rare beats more often than they come, and disturbs them.

    Parameters
    ----------
    recordings
        What to draw from; of more than two leads two are drawn.
    noise
        Recordings of noise.
    n_samples
        Length of a crop at 250 Hz.
    shares
        How often each recording is drawn, by default in proportion to its length.
    """

    def __init__(
        self,
        recordings: list[Recording],
        noise: list[Noise],
        *,
        n_samples: int,
        seed: int,
        shares: npt.NDArray[np.float64] | None = None,
    ) -> None:
        self._recordings = recordings
        self._noise = noise
        self._n = n_samples
        self.seed(seed)
        wanted = np.array([len(r.signal) for r in recordings], np.float64) if shares is None else shares
        self._share = wanted / wanted.sum()
        self._rare = {c: [(i, at) for i, r in enumerate(recordings) for at in r.beats[r.classes == c]] for c in _RARE}

    def seed(self, seed: int) -> None:
        """Begin anew with this seed."""
        self._random = np.random.default_rng(seed)

    def batch(self, size: int) -> Crops:
        """Draw `size` crops."""
        crops = [self._disturbed(self._draw()) for _ in range(size)]
        qrs, weights = zip(*(self._targets(crop) for crop in crops), strict=True)
        return Crops(
            np.stack([crop.signal for crop in crops]),
            np.stack(qrs),
            np.stack(weights),
            np.stack([self._quality(crop) for crop in crops]),
        )

    def _draw(self) -> _Crop:
        random = self._random
        speed = np.exp(random.uniform(-0.2, 0.2)) if random.random() < 0.5 else 1.0
        rare = self._rare[int(random.choice(_RARE))] if random.random() < 0.35 else []
        if rare:
            which, at = rare[random.integers(len(rare))]
        else:
            which, at = int(random.choice(len(self._recordings), p=self._share)), -1.0
        recording = self._recordings[which]
        speed = min(speed, (len(recording.signal) - 2) / self._n)
        length = int(self._n * speed) + 2
        last = len(recording.signal) - length
        first = int(random.integers(last + 1)) if at < 0 else int(at - random.uniform(0.1, 0.9) * length)
        first = min(max(first, 0), last)
        leads = random.permutation(recording.signal.shape[1])[:2]
        piece = recording.signal[first : first + length, leads].T
        grid = np.arange(self._n) * speed
        cell = grid.astype(np.int64)
        part = (grid - cell).astype(np.float32)
        signal = piece[:, cell] * (1 - part) + piece[:, cell + 1] * part
        masked = np.zeros(self._n, np.bool_)
        for begin, end in recording.flutter:
            low, high = ((x - first) / speed for x in (begin - 75, end + 75))
            masked[max(int(low), 0) : max(int(high), 0)] = True
        inside = (recording.beats >= first) & (recording.beats < first + length)
        shape = (2, self._n)
        return _Crop(
            signal,
            (recording.beats[inside] - first) / speed,
            masked,
            np.zeros(shape, np.float32),
            np.zeros(shape, np.bool_),
        )

    def _disturbed(self, crop: _Crop) -> _Crop:
        random = self._random
        chance = random.random(9)
        x = crop.signal
        if chance[0] < 0.3:
            turn = random.normal(0.0, 0.5)
            c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            x = np.stack((c * x[0] - s * x[1], s * x[0] + c * x[1]))
        x *= np.exp(random.uniform(np.log(0.3), np.log(3.0)))
        x *= np.exp(random.uniform(-0.35, 0.35, (2, 1))).astype(np.float32)
        x[random.random(2) < 0.2] *= -1.0
        crop.signal = x
        if chance[1] < 0.06:
            self._pace(crop)
        if chance[2] < 0.06:
            self._silence(crop)
        if chance[3] < 0.65:
            self._add_noise(crop)
        if chance[4] < 0.15:
            seconds = np.arange(self._n) / 250.0
            wave = np.sin(2 * np.pi * (random.choice((49.7, 50.0, 50.2, 60.0)) * seconds + random.random()))
            x += (random.uniform(0.02, 0.25) * wave).astype(np.float32)
        if chance[5] < 0.1:
            seconds = np.arange(self._n) / 250.0
            wave = np.sin(2 * np.pi * (random.uniform(0.1, 0.8) * seconds + random.random()))
            x += (random.uniform(0.1, 1.0, (2, 1)) * wave).astype(np.float32)
        if chance[6] < 0.05:
            limit = np.percentile(np.abs(x), 99.5) * random.uniform(0.4, 1.0)
            np.clip(x, -limit, limit, out=x)
        if chance[7] < 0.25:
            lead = random.integers(2)
            begin, end = (0, self._n) if random.random() < 0.8 else np.sort(random.integers(0, self._n, 2))
            x[lead, begin:end] = 0.0
            crop.lost[lead, begin:end] = True
        if chance[8] < 0.05:
            self._knock(crop)
        np.clip(x, -10.0, 10.0, out=x)
        return crop

    def _pace(self, crop: _Crop) -> None:
        """Put a pacing spike before every beat."""
        size = self._random.uniform(0.2, 2.0, (2, 1)) * self._random.choice((-1, 1), (2, 1))
        lead_s = self._random.uniform(0.02, 0.09)
        for beat in crop.beats:
            at = int(beat - lead_s * 250)
            if 3 <= at < self._n - 4:
                crop.signal[:, at - 3 : at + 4] += (size * np.hanning(9)[1:-1]).astype(np.float32)

    def _silence(self, crop: _Crop) -> None:
        """Take the heart away for a while, or for the whole crop."""
        random = self._random
        begin, end = (0, self._n)
        if random.random() < 0.7:
            begin = int(random.integers(self._n))
            end = min(begin + int(random.uniform(1.5, 6.0) * 250), self._n)
        crop.signal[:, begin:end] *= random.uniform(0.0, 0.02)
        crop.signal[:, begin:end] += random.normal(0, random.uniform(0.0, 0.02), (2, end - begin)).astype(np.float32)
        crop.masked[max(begin - 50, 0) : begin + 50] = True
        crop.masked[max(end - 50, 0) : end + 50] = True
        crop.beats = crop.beats[(crop.beats < begin) | (crop.beats >= end)]

    def _knock(self, crop: _Crop) -> None:
        """Touch an electrode: steps that die away."""
        random = self._random
        for _ in range(random.integers(1, 5)):
            at, lead = int(random.integers(self._n)), random.integers(2)
            width = random.uniform(0.01, 0.5) * 250
            bump = np.exp(-np.arange(self._n - at) / width).astype(np.float32) * random.normal(0.0, 2.0)
            crop.signal[lead, at:] += bump
            crop.noise[lead, at:] += bump

    def _noise_piece(self) -> Array:
        """Draw noise of two leads, (2, n_samples): never quite the same twice."""
        random = self._random
        noise = self._noise[int(random.choice(len(self._noise), p=(0.2, 0.3, 0.5)))].signal
        speed = np.exp(random.uniform(-0.25, 0.25))
        length = int(self._n * speed) + 2
        first = int(random.integers(len(noise) - length))
        piece = noise[first : first + length].T
        grid = np.arange(self._n) * speed
        cell = grid.astype(np.int64)
        part = (grid - cell).astype(np.float32)
        piece = piece[:, cell] * (1 - part) + piece[:, cell + 1] * part
        if random.random() < 0.5:
            piece = piece[:, ::-1]
        if random.random() < 0.5:
            turn = random.uniform(0, 2 * np.pi)
            c, s = np.float32(np.cos(turn)), np.float32(np.sin(turn))
            piece = np.stack((c * piece[0] - s * piece[1], s * piece[0] + c * piece[1]))
        return piece

    def _add_noise(self, crop: _Crop) -> None:
        random = self._random
        pieces = self._noise_piece()
        if random.random() < 0.25:
            pieces = pieces + self._noise_piece() * np.float32(random.uniform(0.2, 1.0))
        level = random.uniform(-6.0, 20.0)
        for lead in range(2):
            piece = pieces[lead]
            high, low = np.percentile(crop.signal[lead], (99.5, 0.5))
            power = max((high - low) ** 2 / 8.0, 1e-4)
            decibel = level + random.normal(0.0, 3.0)
            added = piece * np.float32(np.sqrt(power / 10 ** (decibel / 10) / max(np.var(piece), 1e-6)))
            crop.signal[lead] += added
            crop.noise[lead] += added

    def _targets(self, crop: _Crop) -> tuple[Array, Array]:
        n_slots = self._n // SLOT
        aligned = np.zeros(n_slots, np.float32)
        for beat in crop.beats:
            centre = (beat + 0.5) / SLOT - 0.5
            first = max(int(centre) - 5, 0)
            slots = np.arange(first, min(int(centre) + 7, n_slots))
            near = np.exp(-0.5 * ((slots - centre) / _WIDTH_SLOTS) ** 2)
            aligned[slots] = np.maximum(aligned[slots], near)
        known = np.where(crop.masked[::SLOT][:n_slots], 0.0, 1.0).astype(np.float32)
        known[: int(_UNTOLD / SLOT_S)] = 0.0
        qrs = np.zeros((len(LOOKAHEADS_S), n_slots), np.float32)
        weight = np.zeros_like(qrs)
        for row, lookahead_s in enumerate(LOOKAHEADS_S):
            shift = round(lookahead_s / SLOT_S)
            qrs[row, shift:] = aligned[:-shift]
            weight[row, shift:] = known[:-shift]
        return qrs, weight

    def _quality(self, crop: _Crop) -> Array:
        """Give the quality of each lead over the last second or so, from what was added to it."""
        n_frames = self._n // FRAME
        power = (crop.noise**2).reshape(2, n_frames, FRAME).mean(axis=2)
        lost = crop.lost.reshape(2, n_frames, FRAME).mean(axis=2)
        recent = 31
        kernel = np.ones(recent) / recent
        quality = np.empty((2, n_frames), np.float32)
        for lead in range(2):
            clean = crop.signal[lead] - crop.noise[lead]
            high, low = np.percentile(clean[~crop.lost[lead]], (99.5, 0.5)) if not crop.lost[lead].all() else (0.0, 0.0)
            noise = np.convolve(power[lead], kernel)[:n_frames]
            decibel = 10 * np.log10(max((high - low) ** 2 / 8.0, 1e-6) / np.maximum(noise, 1e-7))
            usable = np.clip((decibel - _USABLE_DB[0]) / (_USABLE_DB[1] - _USABLE_DB[0]), 0.0, 1.0)
            quality[lead] = usable * (1.0 - np.convolve(lost[lead], kernel)[:n_frames])
        return quality
