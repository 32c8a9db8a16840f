"""Truth planes for the device network from masks and points."""

from __future__ import annotations

import cv2
import numba
import numpy as np

from heartwire.models.xray.curves import Array
from heartwire.models.xray.strokes import Mask

OFFSET_SCALE_PX = 8.0
"""An offset of 1 is this many px of the image."""
PLANES = 8
_TIP_SIGMA_CELLS = 1.7
_ELECTRODE_SIGMA_CELLS = 1.5
_OFFSET_REACH_CELLS = 4.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _heat(plane: Array, x: float, y: float, sigma_cells: float) -> None:
    """Raise a plane to a Gaussian about a point given in px of the full resolution."""
    height, width = plane.shape
    column, row = (x - 0.5) / 2.0, (y - 0.5) / 2.0
    reach = 4.0 * sigma_cells + 1.0
    for i in range(max(0, int(row - reach)), min(height, int(row + reach) + 2)):
        for j in range(max(0, int(column - reach)), min(width, int(column + reach) + 2)):
            d2 = (j - column) ** 2 + (i - row) ** 2
            plane[i, j] = max(plane[i, j], np.exp(-d2 / (2.0 * sigma_cells**2)))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _offsets(planes: Array, weight: Array, nearest: Array, x: float, y: float, reach: float, scale: float) -> None:
    """Set offset x and y (2, h, w) within reach of a point, where none is nearer, and let those cells weigh."""
    height, width = nearest.shape
    column, row = (x - 0.5) / 2.0, (y - 0.5) / 2.0
    for i in range(max(0, int(row - reach)), min(height, int(row + reach) + 2)):
        for j in range(max(0, int(column - reach)), min(width, int(column + reach) + 2)):
            d2 = (j - column) ** 2 + (i - row) ** 2
            if d2 < reach * reach and d2 < nearest[i, j]:
                nearest[i, j] = d2
                planes[0, i, j] = 2.0 * (column - j) / scale
                planes[1, i, j] = 2.0 * (row - i) / scale
                weight[i, j] = 1.0


def truth_planes(
    bodies: tuple[Mask, Mask],
    tips: list[tuple[int, float, float]],
    electrodes: list[tuple[float, float]],
    unmarked: Mask,
) -> Array:
    """Make the network's truth from full-resolution masks and points.

    Parameters
    ----------
    bodies : (s, s) each
        Catheters and guidewires.
    tips
        Class, x and y in px.
    electrodes
        Centres of rings, (x, y) in px.
    unmarked : (s, s)
        1 where nothing can be said about devices, unless a body is there.

    Returns
    -------
    (8, s / 2, s / 2) float32: catheter, guidewire, tip of each (heat), offset x and y in units of 8 px (NaN where no
    tip is near), electrodes (heat), and the weight (0: say nothing about devices here).
    """
    half = unmarked.shape[0] // 2
    planes = np.zeros((PLANES, half, half), np.float32)
    for i, body in enumerate(bodies):
        planes[i] = cv2.resize(body.astype(np.float32), (half, half), interpolation=cv2.INTER_AREA)
    known = cv2.resize(unmarked.astype(np.float32), (half, half), interpolation=cv2.INTER_AREA) < np.float32(0.01)
    weight = planes[7]
    np.maximum(known, cv2.max(planes[0], planes[1]) > np.float32(0.05), out=weight, casting="unsafe")
    planes[4:6] = np.nan
    nearest = np.full((half, half), np.inf, np.float32)
    for kind, x, y in tips:
        _heat(planes[2 + kind], x, y, _TIP_SIGMA_CELLS)
        _offsets(planes[4:6], weight, nearest, x, y, _OFFSET_REACH_CELLS, OFFSET_SCALE_PX)
    for x, y in electrodes:
        _heat(planes[6], x, y, _ELECTRODE_SIGMA_CELLS)
    return planes
