"""Beats against reference beats, as ANSI/AAMI EC57 counts them.

A detected beat and a reference beat match when they lie within 150 ms of each other and neither has a closer partner.
Sensitivity and positive predictivity are gross (over all beats of all records) and per record. Stretches of ventricular
flutter or fibrillation, where the reference marks no beats, can be left out, as EC57 does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

WINDOW_S = 0.150
CLASSES = ("N", "S", "V", "F", "Q")

Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Score:
    """Counts of one class (or of all beats), and the figures that follow from them."""

    true_positive: int = 0
    false_negative: int = 0
    false_positive: int = 0

    @property
    def sensitivity(self) -> float:
        """Found of all reference beats; 1 where there are none."""
        all_reference = self.true_positive + self.false_negative
        return self.true_positive / all_reference if all_reference else 1.0

    @property
    def predictivity(self) -> float:
        """True of all detections; 1 where there are none."""
        all_detected = self.true_positive + self.false_positive
        return self.true_positive / all_detected if all_detected else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of sensitivity and predictivity."""
        twice = 2 * self.true_positive
        missed = self.false_negative + self.false_positive
        return twice / (twice + missed) if twice + missed else 1.0

    def __add__(self, other: Score) -> Score:
        """Add the counts."""
        return Score(
            self.true_positive + other.true_positive,
            self.false_negative + other.false_negative,
            self.false_positive + other.false_positive,
        )


@dataclass(frozen=True)
class BeatScore:
    """How the beats of one record, or of several added up, compare with the reference.

    `confusion` is (6, 6): rows are the reference's class, columns the detected one, in the order of `CLASSES`; the last
    row counts detections without a reference, the last column reference beats that were not found. `errors_s` are the
    detected minus the reference times of the matched beats.
    """

    confusion: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros((6, 6), np.int64))
    errors_s: Times = field(default_factory=lambda: np.empty(0))

    @property
    def qrs(self) -> Score:
        """Detection, whatever the class."""
        c = self.confusion
        return Score(int(c[:-1, :-1].sum()), int(c[:-1, -1].sum()), int(c[-1, :-1].sum()))

    def of_class(self, name: str) -> Score:
        """Score one class; a beat that was not found counts as missed, a detection without a beat as false."""
        i, c = CLASSES.index(name), self.confusion
        hit = int(c[i, i])
        return Score(hit, int(c[i].sum()) - hit, int(c[:, i].sum()) - hit)

    def __add__(self, other: BeatScore) -> BeatScore:
        """Add up two records."""
        return BeatScore(self.confusion + other.confusion, np.concatenate((self.errors_s, other.errors_s)))


def match_beats(reference_s: Times, detected_s: Times, *, window_s: float = WINDOW_S) -> npt.NDArray[np.int64]:
    """Pair beats one to one, nearest first.

    Parameters
    ----------
    reference_s, detected_s
        Times in order, seconds.
    window_s
        How far apart a pair may lie.

    Returns
    -------
    (n_reference,) the index of the detected beat that each reference beat is paired with, -1 for none.
    """
    low = np.searchsorted(detected_s, reference_s - window_s, side="left")
    high = np.searchsorted(detected_s, reference_s + window_s, side="right")
    pairs = sorted(
        (abs(float(detected_s[d] - reference_s[r])), r, d)
        for r in range(len(reference_s))
        for d in range(low[r], high[r])
    )
    partner = np.full(len(reference_s), -1, np.int64)
    taken = np.zeros(len(detected_s), np.bool_)
    for _, r, d in pairs:
        if partner[r] < 0 and not taken[d]:
            partner[r] = d
            taken[d] = True
    return partner


def score_beats(
    reference_s: Times,
    reference_classes: Sequence[str],
    detected_s: Times,
    detected_classes: Sequence[str],
    *,
    left_out_s: Sequence[tuple[float, float]] = (),
    window_s: float = WINDOW_S,
) -> BeatScore:
    """Compare the beats of one record.

    Parameters
    ----------
    reference_s, detected_s
        Times in order, seconds.
    reference_classes, detected_classes
        A letter of `CLASSES` for each.
    left_out_s
        (begin, end) of stretches in which neither side counts.
    window_s
        How far apart a pair may lie.
    """

    def counted(times: Times) -> npt.NDArray[np.bool_]:
        keep = np.ones(len(times), np.bool_)
        for begin, end in left_out_s:
            keep &= (times < begin) | (times > end)
        return keep

    kept_reference, kept_detected = counted(reference_s), counted(detected_s)
    rows = np.array([CLASSES.index(c) for c in reference_classes], np.int64)[kept_reference]
    columns = np.array([CLASSES.index(c) for c in detected_classes], np.int64)[kept_detected]
    reference_s, detected_s = reference_s[kept_reference], detected_s[kept_detected]
    partner = match_beats(reference_s, detected_s, window_s=window_s)
    found = partner >= 0
    confusion = np.zeros((len(CLASSES) + 1,) * 2, np.int64)
    np.add.at(confusion, (rows[found], columns[partner[found]]), 1)
    confusion[:-1, -1] = np.bincount(rows[~found], minlength=len(CLASSES))
    alone = np.ones(len(detected_s), np.bool_)
    alone[partner[found]] = False
    confusion[-1, :-1] = np.bincount(columns[alone], minlength=len(CLASSES))
    return BeatScore(confusion, detected_s[partner[found]] - reference_s[found])


def gross(scores: Mapping[str, BeatScore]) -> BeatScore:
    """Add up the records."""
    return sum(scores.values(), BeatScore())
