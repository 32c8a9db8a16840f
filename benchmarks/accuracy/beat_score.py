"""How detected beats compare with reference beats: counts by class, errors and delays, as ANSI/AAMI EC57 counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from heartwire.models.ecg.matching import Samples, match_beats, window_samples

CLASSES = ("N", "S", "V", "F", "Q")
_NONE = len(CLASSES)

Counts = npt.NDArray[np.int64]
Milliseconds = npt.NDArray[np.float64]
Spans = Sequence[tuple[float, float]]
"""(begin, end) in samples, both within."""


class Beats(NamedTuple):
    """Beats in order: their samples, their classes as indices of `CLASSES`, and when they were decided if known."""

    samples: Samples
    classes: Samples
    decisions: Samples | None = None

    @classmethod
    def unclassed(cls, samples: Samples) -> Beats:
        """Beats of a detector that tells no class."""
        return cls(samples, np.zeros(len(samples), np.int64))


@dataclass(frozen=True)
class Score:
    """Counts of one class (or of all beats), and the figures that follow from them; None where undefined."""

    true_positive: int = 0
    false_negative: int = 0
    false_positive: int = 0

    @property
    def sensitivity(self) -> float | None:
        """Found of all reference beats."""
        return _share(self.true_positive, self.true_positive + self.false_negative)

    @property
    def predictivity(self) -> float | None:
        """True of all detections."""
        return _share(self.true_positive, self.true_positive + self.false_positive)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of sensitivity and predictivity."""
        twice = 2 * self.true_positive
        return _share(twice, twice + self.false_negative + self.false_positive)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


@dataclass(frozen=True)
class BeatScore:
    """How the beats of one record, or of several added up, compare with the reference.

    `confusion` is (6, 6): rows are the reference's class, columns the detected one, in the order of `CLASSES`; the last
    row counts detections without a reference, the last column reference beats that were not found. `errors_ms` are the
    detected minus the reference times of the pairs, `delays_ms` the times of decision minus the reference times.
    """

    confusion: Counts = field(default_factory=lambda: np.zeros((_NONE + 1,) * 2, np.int64))
    errors_ms: Milliseconds = field(default_factory=lambda: np.empty(0))
    delays_ms: Milliseconds = field(default_factory=lambda: np.empty(0))

    @property
    def qrs(self) -> Score:
        """Detection, whatever the class."""
        c = self.confusion
        return Score(int(c[:-1, :-1].sum()), int(c[:-1, -1].sum()), int(c[-1, :-1].sum()))

    def of_class(self, name: str, *, forgiven: str = "") -> Score:
        """Score one class; a beat that was not found counts as missed, a detection without a beat as false.

        Parameters
        ----------
        name
            The class.
        forgiven
            Reference classes that may be taken for it without counting as false.
        """
        i, c = CLASSES.index(name), self.confusion
        hit = int(c[i, i])
        spared = sum(int(c[CLASSES.index(other), i]) for other in forgiven)
        return Score(hit, int(c[i].sum()) - hit, int(c[:, i].sum()) - hit - spared)

    def other_detections(self, name: str) -> int:
        """Count the detections that neither are of the class nor were taken for it: EC57's true negatives."""
        i = CLASSES.index(name)
        others = np.delete(np.arange(_NONE + 1), i)
        return int(self.confusion[np.ix_(others, others[:-1])].sum())

    @classmethod
    def total(cls, scores: Iterable[BeatScore]) -> BeatScore:
        """Add up records."""
        each = [cls(), *scores]
        return cls(
            np.sum([s.confusion for s in each], axis=0),
            np.concatenate([s.errors_ms for s in each]),
            np.concatenate([s.delays_ms for s in each]),
        )


def within(samples: Samples, spans: Spans) -> npt.NDArray[np.bool_]:
    """Tell which samples lie within any of the spans."""
    inside = np.zeros(len(samples), np.bool_)
    for begin, end in spans:
        inside |= (samples >= begin) & (samples <= end)
    return inside


def score_beats(reference: Beats, detected: Beats, rate_hz: float, *, left_out: Spans = ()) -> BeatScore:
    """Compare the beats of one record.

    Parameters
    ----------
    reference, detected
        The beats; errors and delays are over the pairs.
    rate_hz
        Samples in a second.
    left_out
        Stretches that do not count: a pair by its reference beat, a detection without a reference by itself.
    """
    partner = match_beats(reference.samples, detected.samples, window=window_samples(rate_hz))
    alone = np.ones(len(detected.samples), np.bool_)
    alone[partner[partner >= 0]] = False
    alone &= ~within(detected.samples, left_out)
    counted = ~within(reference.samples, left_out)
    missed, found = counted & (partner < 0), counted & (partner >= 0)
    at, paired = reference.samples[found], partner[found]
    confusion = np.zeros((_NONE + 1,) * 2, np.int64)
    np.add.at(confusion, (reference.classes[found], detected.classes[paired]), 1)
    confusion[:-1, -1] = np.bincount(reference.classes[missed], minlength=_NONE)
    confusion[-1, :-1] = np.bincount(detected.classes[alone], minlength=_NONE)
    to_ms = 1e3 / rate_hz
    times = np.empty(0, np.int64) if detected.decisions is None else detected.decisions[paired] - at
    errors = detected.samples[paired] - at
    return BeatScore(confusion, errors.astype(np.float64) * to_ms, times.astype(np.float64) * to_ms)
