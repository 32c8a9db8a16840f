"""How far stated errors can be trusted: the stated 95 % bound of a tip against how far off it truly was."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

_BINS = 6


class Reliability(msgspec.Struct, kw_only=True):
    """Stated against true errors.

    `beyond` is the share of tips whose true error exceeds the stated bound (0.05 were right); the lists are bins of
    equal size in rising stated bound: its mean, the 95 % quantile of the true error, both px, and how many tips.
    """

    tips: int
    beyond: float | None
    stated_px: list[float]
    true_95_px: list[float]
    counts: list[int]


def reliability(stated_px: Sequence[float], true_px: Sequence[float]) -> Reliability:
    """Compare stated bounds with true errors, (n,) each."""
    stated, true = np.asarray(stated_px, np.float64), np.asarray(true_px, np.float64)
    if not len(stated):
        return Reliability(tips=0, beyond=None, stated_px=[], true_95_px=[], counts=[])
    parts = [part for part in np.array_split(np.argsort(stated, kind="stable"), _BINS) if len(part)]
    return Reliability(
        tips=len(stated),
        beyond=float((true > stated).mean()),
        stated_px=[float(stated[part].mean()) for part in parts],
        true_95_px=[float(np.quantile(true[part], 0.95)) for part in parts],
        counts=[len(part) for part in parts],
    )
