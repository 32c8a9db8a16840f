"""Atrial fibrillation told of beats, windows of thirty beats, and whole recordings against the reference."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt

Flags = npt.NDArray[np.bool_]


class Counts(msgspec.Struct, frozen=True):
    """Decisions: fibrillation told and not, other rhythm not told and told."""

    tp: int = 0
    fn: int = 0
    tn: int = 0
    fp: int = 0

    @property
    def sensitivity(self) -> float | None:
        """Share of fibrillation that is told."""
        return self.tp / (self.tp + self.fn) if self.tp + self.fn else None

    @property
    def specificity(self) -> float | None:
        """Share of the other rhythms that is not told."""
        return self.tn / (self.tn + self.fp) if self.tn + self.fp else None

    @property
    def predictivity(self) -> float | None:
        """Share of what is told that is right."""
        return self.tp / (self.tp + self.fp) if self.tp + self.fp else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of sensitivity and predictivity."""
        return 2 * self.tp / (2 * self.tp + self.fp + self.fn) if self.tp + self.fp + self.fn else None


def count(reference: Flags, told: Flags) -> Counts:
    """Count decisions."""
    return Counts(
        tp=int(np.sum(reference & told)),
        fn=int(np.sum(reference & ~told)),
        tn=int(np.sum(~reference & ~told)),
        fp=int(np.sum(~reference & told)),
    )


def together(counts: Iterable[Counts]) -> Counts:
    """Add up counts."""
    total = Counts()
    for c in counts:
        total = Counts(total.tp + c.tp, total.fn + c.fn, total.tn + c.tn, total.fp + c.fp)
    return total


def shares(inside: Flags, n_beats: int) -> npt.NDArray[np.float64]:
    """Give the share of fibrillating beats in each whole window of `n_beats`: the first ends at beat `n_beats - 1`."""
    total = np.concatenate(([0], np.cumsum(inside)))
    return (total[n_beats:] - total[:-n_beats]) / n_beats
