"""Training examples for the VT/VF network: windows of recordings whose rhythm is annotated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from heartwire.engine.ecg.ventricular import JUDGED_S, LABELS, THINNED, WINDOW
from heartwire.models.ecg.recordings import Recording

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
        Conditioned noise recordings, (n_samples, 2) each.
    """

    def __init__(self, recordings: list[Recording], noise: list[Array], *, seed: int) -> None:
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
        shares = {OTHER: 0.45, VT: 0.23, VF: 0.2, NOISE: 0.12}
        present = [label for label in shares if self._ends[label]]
        p = np.array([shares[label] for label in present])
        labels = self._random.choice(present, size, p=p / p.sum())
        return np.stack([self._window(int(label)) for label in labels])[:, None, None], labels

    def _window(self, label: int) -> Array:
        random = self._random
        pool = self._ends[label]
        which, ends = pool[int(random.choice(len(pool), p=self._weights[label]))]
        end = int(ends[random.integers(len(ends))]) - int(random.integers(25))
        speed = np.exp(random.uniform(-0.12, 0.12))
        n = WINDOW // THINNED
        at = end - 1 - (np.arange(n)[::-1] * THINNED * speed)
        signal = self._recordings[which].signal
        lead = signal[:, random.integers(signal.shape[1])]
        cell = at.astype(np.int64)
        part = (at - cell).astype(np.float32)
        x: Array = lead[cell] * (1 - part) + lead[np.minimum(cell + 1, len(lead) - 1)] * part
        x *= np.float32(np.exp(random.uniform(np.log(0.4), np.log(2.5))))
        chance = random.random(4)
        if chance[0] < 0.3:
            x = -x
        if chance[1] < 0.35:
            noise = self._noise[int(random.integers(len(self._noise)))]
            first = int(random.integers(len(noise) - WINDOW))
            piece = noise[first : first + WINDOW : THINNED, random.integers(2)]
            high, low = np.percentile(x, (99.5, 0.5))
            power = max((high - low) ** 2 / 8.0, 1e-4) / 10 ** (random.uniform(3.0, 24.0) / 10)
            x = x + piece * np.float32(np.sqrt(power / max(float(np.var(piece)), 1e-6)))
        if chance[2] < 0.1:
            phase = 2 * np.pi * (random.choice((50.0, 60.0)) * np.arange(n) / 125.0 + random.random())
            x = x + (random.uniform(0.01, 0.15) * np.sin(phase)).astype(np.float32)
        if chance[3] < 0.1:
            x = x + random.normal(0, random.uniform(0, 0.03), n).astype(np.float32)
        return np.clip(x, -5.0, 5.0).astype(np.float32)


def vfdb_path(data: Path, name: str) -> Path:
    """Give the path of a vfdb record."""
    return data / "vfdb" / name
