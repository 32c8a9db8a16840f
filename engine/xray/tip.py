"""Device tips: peaks of the tip heat with sub-pixel places."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from heartwire.engine.xray.detection import DeviceClass
from heartwire.engine.xray.device_map import TIP_CELL_PX, Array, DeviceMap

CLASSES: tuple[DeviceClass, ...] = ("catheter", "guidewire")
MOST_TIPS = 6
"""Tips looked at in a frame."""
_APART_CELLS = 2
_VOTE_CELLS = 1


@dataclass(frozen=True)
class TipPeak:
    """A peak of the tip heat: its place (x, y) in px of the network's image, and how sure it is.

    `seen` is the tip network's probability of a tip, `bound_px` its 95 % bound of the error in px of the frame.
    """

    x_px: float
    y_px: float
    heat: float
    class_: DeviceClass
    seen: float = 1.0
    bound_px: float = 0.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _peaks(tip: Array, offset: Array, least_heat: float) -> list[tuple[float, float, float, float, float, float]]:
    """Find the peaks of the heat of both classes: heat, class, row, column, and the place x, y.

    The cells about a peak vote for the tip's place, each with the square of its heat.
    """
    _, height, width = tip.shape
    heat = np.maximum(tip[0], tip[1])
    found = [(0.0, 0.0, 0.0, 0.0, 0.0, 0.0) for _ in range(0)]
    centre = (TIP_CELL_PX - 1) / 2
    for row in range(height):
        for column in range(width):
            own = heat[row, column]
            if own < least_heat:
                continue
            top, left = max(0, row - _APART_CELLS), max(0, column - _APART_CELLS)
            if heat[top : row + _APART_CELLS + 1, left : column + _APART_CELLS + 1].max() > own:
                continue
            total = x = y = 0.0
            for i in range(max(0, row - _VOTE_CELLS), min(height, row + _VOTE_CELLS + 1)):
                for j in range(max(0, column - _VOTE_CELLS), min(width, column + _VOTE_CELLS + 1)):
                    weight = heat[i, j] ** 2
                    total += weight
                    x += weight * (j * TIP_CELL_PX + centre + offset[0, i, j])
                    y += weight * (i * TIP_CELL_PX + centre + offset[1, i, j])
            wire = 1.0 if tip[1, row, column] > tip[0, row, column] else 0.0
            found.append((float(own), wire, float(row), float(column), x / total, y / total))
    return found


def find_tips(found: DeviceMap, *, least_heat: float) -> list[TipPeak]:
    """Find the peaks of the tip heat, hottest first, no more than `MOST_TIPS`.

    Parameters
    ----------
    found
        The network's answer.
    least_heat
        Peaks below are left out.
    """
    peaks = _peaks(found.tip, found.offset, least_heat)
    tips: list[TipPeak] = []
    taken: list[tuple[float, float]] = []
    for heat, class_, row, column, x, y in sorted(peaks, key=lambda peak: -peak[0]):
        if len(tips) == MOST_TIPS:
            break
        if any(max(abs(row - r), abs(column - c)) <= _APART_CELLS for r, c in taken):  # cells of equal heat
            continue
        taken.append((row, column))
        tips.append(TipPeak(x, y, heat, CLASSES[int(class_)]))
    return tips
