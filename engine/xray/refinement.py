"""Tips refined on the frame itself, at its full resolution: place, bound of the error, and whether a tip is seen."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.engine.inference import Model
from heartwire.engine.xray.conditioning import Array

TIPS_MODEL_NAME = "xray-tips"
_LEAST_DEVIATION = 1e-3


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
        self._runner = model.runner()
        self._crop: Array = self._runner.inputs["crop"][0, 0]
        self._factor = model.card.settings["bound_factor"]

    def refine(self, pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], x_px: float, y_px: float) -> RefinedTip:
        """Refine one tip.

        Parameters
        ----------
        pixels
            The frame (height, width), darker denser.
        x_px, y_px
            Where the tip is thought to be, px of the frame.
        """
        side = self._crop.shape[0]
        # The crop's middle lies between its middle pixels.
        left, top = round(x_px + 0.5) - side // 2, round(y_px + 0.5) - side // 2
        crop = _cut(pixels, left, top, side)
        mean, deviation = cv2.meanStdDev(crop)
        np.subtract(crop, np.float32(mean[0, 0]), out=self._crop)
        self._crop /= np.float32(deviation[0, 0] + _LEAST_DEVIATION)
        self._runner.run()
        outputs = self._runner.outputs
        shift, scale, seen = outputs["shift"][0], float(outputs["scale"][0]), float(outputs["seen"][0])
        middle = (side - 1) / 2
        return RefinedTip(left + middle + float(shift[0]), top + middle + float(shift[1]), self._factor * scale, seen)


def _cut(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], left: int, top: int, side: int) -> Array:
    """Cut a square that may reach beyond the frame, whose border is continued there."""
    height, width = pixels.shape
    inside = pixels[max(0, top) : max(0, top + side), max(0, left) : max(0, left + side)]
    if inside.shape == (side, side):
        return inside.astype(np.float32)
    rows = np.clip(np.arange(top, top + side), 0, height - 1)
    columns = np.clip(np.arange(left, left + side), 0, width - 1)
    return pixels[np.ix_(rows, columns)].astype(np.float32)
