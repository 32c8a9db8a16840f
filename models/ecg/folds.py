"""What the card of a model tested on the windows of a fold says of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def tested(counts: npt.NDArray[np.int64], steps: int) -> dict[str, float]:
    """Give the metrics of windows, counted as (looked for, others) by (called, not), after so many steps of fitting."""
    found, clear = counts[0, 0] / max(counts[0].sum(), 1), counts[1, 1] / max(counts[1].sum(), 1)
    return {
        "steps": float(steps),
        "test_window_sensitivity": round(float(found), 4),
        "test_window_specificity": round(float(clear), 4),
    }
