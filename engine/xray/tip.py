"""Device tips: peaks of the tip heat with sub-pixel places."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from heartwire.engine.xray.detection import DeviceClass
from heartwire.engine.xray.device_map import TIP_CELL_PX, Array, DeviceMap

CLASSES: tuple[DeviceClass, ...] = ("catheter", "guidewire")
_APART_CELLS = 2
_VOTE_CELLS = 1


@dataclass(frozen=True)
class TipPeak:
    """A peak of the tip heat: its place (x, y) in px of the network's image, and how sure it is."""

    x_px: float
    y_px: float
    heat: float
    class_: DeviceClass


def _place(heat: Array, offset: Array, row: int, column: int) -> tuple[float, float]:
    """Let the cells about a peak vote for the tip's place, each with its heat."""
    rows = slice(max(0, row - _VOTE_CELLS), row + _VOTE_CELLS + 1)
    columns = slice(max(0, column - _VOTE_CELLS), column + _VOTE_CELLS + 1)
    weight = heat[rows, columns] ** 2
    weight = weight / (weight.sum() + np.float32(1e-9))
    centre = (TIP_CELL_PX - 1) / 2
    xs = np.arange(columns.start, columns.start + weight.shape[1], dtype=np.float32) * TIP_CELL_PX + centre
    ys = np.arange(rows.start, rows.start + weight.shape[0], dtype=np.float32) * TIP_CELL_PX + centre
    x = float((weight * (xs[None, :] + offset[0, rows, columns])).sum())
    y = float((weight * (ys[:, None] + offset[1, rows, columns])).sum())
    return x, y


def find_tips(found: DeviceMap, *, least_heat: float, most: int = 8) -> list[TipPeak]:
    """Find the peaks of the tip heat, hottest first.

    Parameters
    ----------
    found
        The network's answer.
    least_heat
        Peaks below are left out.
    most
        At most this many.
    """
    heat = np.maximum(found.tip[0], found.tip[1])
    if heat.max() < least_heat:
        return []
    around = cv2.dilate(heat, np.ones((2 * _APART_CELLS + 1,) * 2, np.uint8))
    rows, columns = np.nonzero((heat >= around) & (heat >= least_heat))
    order = np.argsort(-heat[rows, columns], kind="stable")
    peaks: list[TipPeak] = []
    taken: list[tuple[int, int]] = []
    for row, column in zip(rows[order], columns[order], strict=True):
        if len(peaks) == most:
            break
        if any(max(abs(row - r), abs(column - c)) <= _APART_CELLS for r, c in taken):  # cells of equal heat
            continue
        taken.append((row, column))
        x, y = _place(heat, found.offset, int(row), int(column))
        class_ = CLASSES[int(found.tip[1, row, column] > found.tip[0, row, column])]
        peaks.append(TipPeak(x, y, float(heat[row, column]), class_))
    return peaks
