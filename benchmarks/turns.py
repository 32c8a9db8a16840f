"""Two conditions that take turns: the ratio of a percentile, and how sure it is.

What a machine does of its own comes in bursts; turns that are short and many let it fall to either side.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.trace import samples_needed

Turns = Sequence[npt.NDArray[np.float32]]
"""What was measured in each turn of one condition."""

_RESAMPLES = 2000
_SEED = 1
_SURE_PERCENT = 95.0


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """A ratio and its bounds at 95 %."""

    value: float
    lowest: float
    highest: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.lowest:.2f} to {self.highest:.2f})"


def percentile(turns: Turns, percent: float) -> float:
    """Give a percentile of what all turns measured, NaN where they measured too little for one."""
    values = np.concatenate([*turns, np.empty(0, np.float32)])
    return float(np.percentile(values, percent)) if values.size >= samples_needed(percent) else float("nan")


def ratio(turns: Turns, over: Turns, percent: float) -> Ratio:
    """Compare a percentile of two conditions.

    Parameters
    ----------
    turns, over
        The turns of either condition, as many: the n-th of one beside the n-th of the other.
    percent
        The percentile.

    Returns
    -------
    Ratio
        With bounds from drawing pairs of turns with replacement, since what is measured within a turn belongs together
        (block bootstrap: Künsch, 1989). All NaN where there is too little for the percentile.
    """
    value = percentile(turns, percent) / percentile(over, percent)
    if np.isnan(value):
        return Ratio(value=value, lowest=value, highest=value)
    random = np.random.default_rng(_SEED)
    drawn = random.integers(len(turns), size=(_RESAMPLES, len(turns)))
    ratios = [
        np.percentile(np.concatenate([turns[k] for k in pairs]), percent)
        / np.percentile(np.concatenate([over[k] for k in pairs]), percent)
        for pairs in drawn
    ]
    tail_percent = (100 - _SURE_PERCENT) / 2
    lowest, highest = np.percentile(ratios, (tail_percent, 100 - tail_percent))
    return Ratio(value=value, lowest=float(lowest), highest=float(highest))
