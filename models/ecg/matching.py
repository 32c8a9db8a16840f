"""Detected beats against reference beats: one to one, nearest first, within 150 ms."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from wfdb.processing import compare_annotations

WINDOW_S = 0.150
"""How far apart a pair may lie, as ANSI/AAMI EC57 has it."""

Samples = npt.NDArray[np.int64]
Places = npt.NDArray[np.int64] | npt.NDArray[np.float64]


def window_samples(rate_hz: float) -> int:
    """Give the most samples that a pair may lie apart."""
    return int(np.floor(WINDOW_S * rate_hz + 1e-9))


def match_beats(reference: Places, detected: Places, *, window: float) -> Samples:
    """Pair beats one to one, the nearest pair first.

    Parameters
    ----------
    reference, detected
        Samples in order, whole numbers or not.
    window
        How many samples apart a pair may lie.

    Returns
    -------
    (n_reference,) the index of the detected beat that each reference beat is paired with, -1 for none.
    """
    low = np.searchsorted(detected, reference - window, side="left")
    high = np.searchsorted(detected, reference + window, side="right")
    pairs = sorted(
        (float(abs(detected[d] - reference[r])), r, d) for r in range(len(reference)) for d in range(low[r], high[r])
    )
    partner = np.full(len(reference), -1, np.int64)
    taken = np.zeros(len(detected), np.bool_)
    for _, r, d in pairs:
        if partner[r] < 0 and not taken[d]:
            partner[r] = d
            taken[d] = True
    return partner


def pairs_of_wfdb(reference: Samples, detected: Samples, *, window: int) -> int:
    """Count the pairs that `wfdb.processing.compare_annotations` finds, as a check on `match_beats`.

    It walks through both in order and asks for a distance *below* its window, so that it is given one sample more.
    """
    if not len(reference) or not len(detected):
        return 0
    return int(compare_annotations(reference, detected, window + 1).tp)
