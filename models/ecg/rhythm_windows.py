"""Training examples for the VT/VF network: windows of recordings whose rhythm is annotated."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heartwire.engine.ecg.ventricular import JUDGED_S, LABELS, LIMIT_MV, STEP, THINNED, WINDOW
from heartwire.models.ecg.recordings import Noise, Recording

FOLDS = (
    ("418", "423", "427", "610", "615"),
    ("419", "424", "428", "611"),
    ("420", "425", "429", "602", "612"),
    ("421", "426", "605", "614"),
    ("422", "430", "607", "609"),
)
"""Records of vfdb by the fold that tests them; one record is one patient."""
VFDB = tuple(sorted(name for fold in FOLDS for name in fold))
OTHER, VT, VF, NOISE = range(len(LABELS))
_SHARES = {OTHER: 0.5, VT: 0.2, VF: 0.18, NOISE: 0.12}
_N = WINDOW // THINNED
_OF_RHYTHM = {"VT": VT, "VF": VF, "VFIB": VF, "VFL": VF, "NOISE": NOISE}

Array = npt.NDArray[np.float32]


def label_samples(recording: Recording) -> npt.NDArray[np.int8]:
    """Give each grid sample's label; -1 before the first annotation."""
    labels = np.full(len(recording.signal), -1, np.int8)
    for begin, name in recording.rhythms:
        labels[max(int(begin), 0) :] = _OF_RHYTHM.get(name, OTHER)
    for begin, end in recording.flutter:
        labels[int(begin) : int(end)] = VF
    return labels


class WindowMaker:
    """Draws windows at random, the labels in equal shares and each record alike, and disturbs them.

    Parameters
    ----------
    recordings
        What to draw from.
    noise
        Recordings of noise.
    """

    def __init__(self, recordings: list[Recording], noise: list[Noise], *, seed: int) -> None:
        self._recordings = recordings
        self._noise = noise
        self._random = np.random.default_rng(seed)
        self._ends: dict[int, list[tuple[int, npt.NDArray[np.int64]]]] = {label: [] for label in range(len(LABELS))}
        judged = int(JUDGED_S * 250)
        for which, recording in enumerate(recordings):
            labels = label_samples(recording)
            for label, stretches in self._ends.items():
                inside = np.concatenate(([0], np.cumsum(labels == label)))
                ends = np.arange(WINDOW + 200, len(labels), 25)
                share = (inside[ends] - inside[ends - judged]) / judged
                ends = ends[share >= (0.7 if label != OTHER else 0.95)]
                if len(ends):
                    stretches.append((which, ends))
        # Long stretches weigh more than short ones, but not in proportion.
        roots = {label: np.sqrt([len(ends) for _, ends in pool]) for label, pool in self._ends.items() if pool}
        self._weights = {label: root / root.sum() for label, root in roots.items()}

    def batch(self, size: int) -> tuple[Array, npt.NDArray[np.int64]]:
        """Draw `size` windows: (size, 1, 1, 500) and their labels."""
        random = self._random
        present = [label for label in _SHARES if self._ends[label]]
        p = np.array([_SHARES[label] for label in present])
        labels = np.sort(random.choice(present, size, p=p / p.sum()))
        windows = np.concatenate([self._drawn(label, int(np.sum(labels == label))) for label in present])
        return self._disturbed(windows)[:, None, None], labels

    def _drawn(self, label: int, count: int) -> Array:
        """Draw windows of one label, played a little faster or slower; (count, 500)."""
        random = self._random
        pool = self._ends[label]
        speeds = np.exp(random.uniform(-0.12, 0.12, count))
        back = np.arange(_N)[::-1] * THINNED
        windows = np.empty((count, _N), np.float32)
        for i, which in enumerate(random.choice(len(pool), count, p=self._weights[label])):
            record, ends = pool[which]
            at = ends[random.integers(len(ends))] - random.integers(25) - 1 - back * speeds[i]
            signal = self._recordings[record].signal
            lead = signal[:, random.integers(signal.shape[1])]
            cell = at.astype(np.int64)
            part = (at - cell).astype(np.float32)
            windows[i] = lead[cell] * (1 - part) + lead[np.minimum(cell + 1, len(lead) - 1)] * part
        return windows

    def _disturbed(self, x: Array) -> Array:
        """Change gain and sign, add noise, mains and hiss to some of the windows; (count, 500)."""
        random = self._random
        count = len(x)
        x *= np.exp(random.uniform(np.log(0.4), np.log(2.5), (count, 1))).astype(np.float32)
        x[random.random(count) < 0.3] *= -1.0
        for i in np.flatnonzero(random.random(count) < 0.35):
            noise = self._noise[random.integers(len(self._noise))].signal
            first = random.integers(len(noise) - WINDOW)
            piece = noise[first : first + WINDOW : THINNED, random.integers(2)]
            power = max(float(np.ptp(x[i])) ** 2 / 8.0, 1e-4) / 10 ** (random.uniform(3.0, 24.0) / 10)
            x[i] += piece * np.sqrt(power / max(float(np.var(piece)), 1e-6))
        humming = random.random(count) < 0.1
        cycles = random.choice((50.0, 60.0), (count, 1)) * np.arange(_N) / 125.0 + random.random((count, 1))
        hum = random.uniform(0.01, 0.15, (count, 1)) * np.sin(2 * np.pi * cycles)
        x[humming] += hum[humming].astype(np.float32)
        hissing = random.random(count) < 0.1
        hiss = random.uniform(0, 0.03, (count, 1)) * random.standard_normal((count, _N))
        x[hissing] += hiss[hissing].astype(np.float32)
        return np.clip(x, -LIMIT_MV, LIMIT_MV)


def windows_of(lead: Array) -> tuple[npt.NDArray[np.int64], Array]:
    """Cut a conditioned lead as the engine does: the end of each window, and the windows (n, 1, 1, 500)."""
    ends = np.arange(-(-WINDOW // STEP) * STEP, len(lead) + 1, STEP)
    thinned = np.stack([lead[end - WINDOW : end][THINNED - 1 :: THINNED] for end in ends])
    return ends, np.clip(thinned, -LIMIT_MV, LIMIT_MV)[:, None, None]
