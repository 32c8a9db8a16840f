"""Tips refined on the frame itself, at its full resolution: place, bound of the error, and whether a tip is seen."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from heartwire.engine.inference import Model
from heartwire.engine.xray.conditioning import Array, Pixels
from heartwire.engine.xray.tip import MOST_TIPS

TIPS_MODEL_NAME = "xray-tips"
_LEAST_DEVIATION = 1e-3

Corners: TypeAlias = npt.NDArray[np.int64]


class RefinedTip(NamedTuple):
    """A tip in px of the frame; `bound_px` is exceeded by 5 % of the errors, `seen` is the probability of a tip."""

    x_px: float
    y_px: float
    bound_px: float
    seen: float


class TipRefiner:
    """One stream's buffers for the tip network.

    Parameters
    ----------
    model
        The tip network; its card's `bound_factor` makes a 95 % bound of its error scale.
    """

    def __init__(self, model: Model) -> None:
        self._runners = [model.runner(batch=n) for n in range(1, MOST_TIPS + 1)]
        self._factor = model.card.settings["bound_factor"]

    def refine(self, pixels: Pixels, places: Array) -> list[RefinedTip]:
        """Refine the tips of a frame.

        Parameters
        ----------
        pixels
            The frame (height, width), darker denser.
        places
            Where tips are thought to be, (n, 2) as (x, y) px of the frame; no more than `MOST_TIPS`.
        """
        if not len(places):
            return []
        runner = self._runners[len(places) - 1]
        crops = runner.inputs["crop"][:, 0]
        side = crops.shape[1]
        # The crop's middle lies between its middle pixels.
        corners = np.rint(places + 0.5).astype(np.int64) - side // 2
        _cut(pixels, corners, crops)
        runner.run()
        outputs, middle = runner.outputs, (side - 1) / 2
        found = (corners + middle + outputs["shift"]).tolist()
        bounds = (self._factor * outputs["scale"]).tolist()
        return [RefinedTip(*place, *said) for place, *said in zip(found, bounds, outputs["seen"].tolist(), strict=True)]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cut(pixels: Pixels, corners: Corners, crops: Array) -> None:
    """Cut squares (n, side, side), of mean 0 and deviation 1 each; the frame's border is continued beyond it."""
    height, width = pixels.shape
    side = crops.shape[1]
    for i in range(len(crops)):
        left, top = corners[i]
        total = squares = 0.0
        for row in range(side):
            line = pixels[min(max(top + row, 0), height - 1)]
            for column in range(side):
                value = float(line[min(max(left + column, 0), width - 1)])
                total += value
                squares += value * value
                crops[i, row, column] = value
        count = side * side
        mean = total / count
        deviation = np.sqrt(max(0.0, squares / count - mean * mean)) + _LEAST_DEVIATION
        for row in range(side):
            for column in range(side):
                crops[i, row, column] = (crops[i, row, column] - np.float32(mean)) / np.float32(deviation)
