"""Training examples for the beat network: crops of recordings, disturbed as signals at the bedside are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heartwire.models.ecg.beat_network import CLASS_LOOKAHEAD_FRAMES, FRAME, QRS_LOOKAHEAD_FRAMES
from heartwire.models.ecg.recordings import Recording

Array = npt.NDArray[np.float32]
_WIDTH_FRAMES = 0.8
_RARE = (1, 2, 3)


class Crops(NamedTuple):
    """A batch.

    `signal` is (batch, 2, n_samples); `qrs` and `qrs_weight` are (batch, n_frames); `label` is (batch, n_frames), the
    class where one is to be read and -1 elsewhere.
    """

    signal: Array
    qrs: Array
    qrs_weight: Array
    label: npt.NDArray[np.int64]


@dataclass
class _Crop:
    signal: Array  # (2, n_samples)
    beats: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    masked: npt.NDArray[np.bool_]  # (n_samples,)


class CropMaker:
    """Draws crops at random, rare beats more often than they come, and disturbs them.

    Parameters
    ----------
    recordings
        What to draw from.
    noise
        Conditioned noise recordings, (n_samples, 2) each.
    n_samples
        Length of a crop at 250 Hz.
    """

    def __init__(self, recordings: list[Recording], noise: list[Array], *, n_samples: int, seed: int) -> None:
        self._recordings = recordings
        self._noise = noise
        self._n = n_samples
        self._random = np.random.default_rng(seed)
        lengths = np.array([len(r.signal) for r in recordings], np.float64)
        self._share = lengths / lengths.sum()
        self._rare = {c: [(i, at) for i, r in enumerate(recordings) for at in r.beats[r.classes == c]] for c in _RARE}

    def batch(self, size: int) -> Crops:
        """Draw `size` crops."""
        crops = [self._disturbed(self._draw()) for _ in range(size)]
        targets = [self._targets(crop) for crop in crops]
        return Crops(
            np.stack([crop.signal for crop in crops]),
            np.stack([t[0] for t in targets]),
            np.stack([t[1] for t in targets]),
            np.stack([t[2] for t in targets]),
        )

    def _draw(self) -> _Crop:
        random = self._random
        speed = np.exp(random.uniform(-0.15, 0.15)) if random.random() < 0.5 else 1.0
        length = int(self._n * speed) + 2
        rare = self._rare[int(random.choice(_RARE))] if random.random() < 0.35 else []
        if rare:
            which, at = rare[random.integers(len(rare))]
            first = int(at - random.uniform(0.1, 0.9) * length)
        else:
            which = int(random.choice(len(self._recordings), p=self._share))
            first = int(random.integers(len(self._recordings[which].signal) - length))
        recording = self._recordings[which]
        first = min(max(first, 0), len(recording.signal) - length)
        piece = recording.signal[first : first + length].T
        masked = np.zeros(self._n, np.bool_)
        grid = np.arange(self._n) * speed
        if speed == 1.0:
            signal = piece[:, : self._n].copy()
        else:
            cell = grid.astype(np.int64)
            part = (grid - cell).astype(np.float32)
            signal = piece[:, cell] * (1 - part) + piece[:, cell + 1] * part
        inside = (recording.beats >= first) & (recording.beats < first + length)
        for begin, end in recording.flutter:
            low, high = ((x - first) / speed for x in (begin - 75, end + 75))
            masked[max(int(low), 0) : max(int(high), 0)] = True
        return _Crop(signal, (recording.beats[inside] - first) / speed, recording.classes[inside].copy(), masked)

    def _disturbed(self, crop: _Crop) -> _Crop:
        random = self._random
        chance = random.random(8)
        x = crop.signal
        if chance[0] < 0.5:
            x = x[::-1].copy()
        x *= np.exp(random.uniform(np.log(0.3), np.log(3.0)))
        x *= np.exp(random.uniform(-0.35, 0.35, (2, 1))).astype(np.float32)
        x[random.random(2) < 0.15] *= -1.0
        crop.signal = x
        if chance[1] < 0.04:
            self._pace(crop)
        if chance[2] < 0.06:
            self._silence(crop)
        if chance[3] < 0.55:
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
        np.clip(x, -10.0, 10.0, out=x)
        return crop

    def _pace(self, crop: _Crop) -> None:
        """Put a pacing spike before every beat; what class the beat would have is then unknown."""
        size = self._random.uniform(0.2, 2.0, (2, 1)) * self._random.choice((-1, 1), (2, 1))
        lead_s = self._random.uniform(0.02, 0.09)
        for beat in crop.beats:
            at = int(beat - lead_s * 250)
            if 3 <= at < self._n - 4:
                crop.signal[:, at - 3 : at + 4] += (size * np.hanning(9)[1:-1]).astype(np.float32)
        crop.classes[:] = -1

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
        keep = (crop.beats < begin) | (crop.beats >= end)
        crop.beats, crop.classes = crop.beats[keep], crop.classes[keep]

    def _add_noise(self, crop: _Crop) -> None:
        random = self._random
        noise = self._noise[int(random.integers(len(self._noise)))]
        leads = random.permutation(2) if random.random() < 0.8 else random.integers(0, 2, 2)
        for lead in range(2):
            first = int(random.integers(len(noise) - self._n))
            piece = noise[first : first + self._n, leads[lead]]
            high, low = np.percentile(crop.signal[lead], (99.5, 0.5))
            power = max((high - low) ** 2 / 8.0, 1e-4)
            decibel = random.uniform(-6.0, 24.0)
            crop.signal[lead] += piece * np.sqrt(power / 10 ** (decibel / 10) / max(np.var(piece), 1e-6))

    def _targets(self, crop: _Crop) -> tuple[Array, Array, npt.NDArray[np.int64]]:
        n_frames = self._n // FRAME
        qrs = np.zeros(n_frames, np.float32)
        weight = np.ones(n_frames, np.float32)
        label = np.full(n_frames, -1, np.int64)
        unknown = crop.masked[::FRAME][:n_frames]
        weight[QRS_LOOKAHEAD_FRAMES:][unknown[: n_frames - QRS_LOOKAHEAD_FRAMES]] = 0.0
        # What lies before the crop cannot be asked for.
        weight[: QRS_LOOKAHEAD_FRAMES + 2] = 0.0
        for beat, kind in zip(crop.beats, crop.classes, strict=True):
            centre = (beat + 0.5) / FRAME - 0.5
            near = int(np.floor(centre + 0.5))
            for frame in range(near - 2, near + 3):
                at = frame + QRS_LOOKAHEAD_FRAMES
                if 0 <= at < n_frames:
                    qrs[at] = max(qrs[at], np.exp(-0.5 * ((frame - centre) / _WIDTH_FRAMES) ** 2))
            if near >= 12 and kind >= 0 and not crop.masked[min(int(beat), self._n - 1)]:
                at = near + CLASS_LOOKAHEAD_FRAMES
                label[max(at - 1, 0) : max(at + 2, 0)] = kind
        return qrs, weight, label
