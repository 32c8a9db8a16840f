"""Drawing a curve of changing width and density as X-ray sees it, and the mask of what was drawn."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.uint8]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def stroke(
    depth: Array,
    mask: Mask,
    curve: Array,
    half_width: Array,
    density: Array,
    lumen: float,
    filled: float,
    least_half_px: float,
    blunt: bool,
    flat_start: bool = False,
    over: bool = False,
) -> None:
    """Add a stroke's optical depth to `depth` (h, w) and set `mask` to 1 on its body.

    Parameters
    ----------
    curve
        Points (n, 2) as (x, y), about half a px apart.
    half_width, density
        Half width in px and peak optical depth at each point (n,).
    lumen
        Inner over outer radius: 0 for a solid line, towards 1 for thin walls.
    filled
        How much of the lumen counts as hollow, 0..1.
    least_half_px
        The mask is at least this half width.
    blunt, flat_start
        Whether the distal and the proximal end are cut square; else they are round.
    over
        Take the larger of the stroke and what is there, instead of their sum.
    """
    height, width = depth.shape
    n = len(curve)
    widest = max(half_width.max(), least_half_px) + 1.0
    left, right = max(0, int(curve[:, 0].min() - widest)), min(width, int(curve[:, 0].max() + widest) + 2)
    top, bottom = max(0, int(curve[:, 1].min() - widest)), min(height, int(curve[:, 1].max() + widest) + 2)
    if left >= right or top >= bottom:
        return
    nearest = np.full((bottom - top, right - left), -1, np.int32)
    best = np.empty((bottom - top, right - left), np.float32)
    i = 0
    while i < n:
        x, y = curve[i]
        reach = np.float32(max(half_width[i], least_half_px) + 1.0)
        reach2 = reach * reach
        for row in range(max(top, int(y - reach)), min(bottom, int(y + reach) + 2)):
            dy2 = (np.float32(row) - y) ** 2
            for column in range(max(left, int(x - reach)), min(right, int(x + reach) + 2)):
                d2 = (np.float32(column) - x) ** 2 + dy2
                if d2 <= reach2 and (nearest[row - top, column - left] < 0 or d2 < best[row - top, column - left]):
                    nearest[row - top, column - left] = i
                    best[row - top, column - left] = d2
        # A wide stroke needs no points closer than a good part of its width; the last one always counts.
        step = max(1, int(reach * 0.4))
        i = i + step if i == n - 1 or i + step < n else n - 1
    end_x, end_y = curve[n - 1, 0] - curve[n - 4, 0], curve[n - 1, 1] - curve[n - 4, 1]
    start_x, start_y = curve[3, 0] - curve[0, 0], curve[3, 1] - curve[0, 1]
    wall = np.sqrt(1.0 - lumen * lumen * filled) if lumen > 0.0 else 1.0
    for row in range(top, bottom):
        for column in range(left, right):
            i = nearest[row - top, column - left]
            if i < 0:
                continue
            if blunt and i == n - 1 and (column - curve[i, 0]) * end_x + (row - curve[i, 1]) * end_y > 0.0:
                continue
            if flat_start and i == 0 and (column - curve[0, 0]) * start_x + (row - curve[0, 1]) * start_y < 0.0:
                continue
            half = max(half_width[i], np.float32(0.8))
            near2 = best[row - top, column - left]
            u2 = near2 / (half * half)
            value = np.sqrt(1.0 - u2) if u2 < 1.0 else 0.0
            if lumen > 0.0 and u2 < lumen * lumen:
                value -= filled * np.sqrt(lumen * lumen - u2)
            value *= density[i] / wall
            if over:
                depth[row, column] = max(depth[row, column], value)
            else:
                depth[row, column] += value
            if density[i] > 0.0 and near2 <= max(half_width[i], least_half_px) ** 2:
                mask[row, column] = 1
