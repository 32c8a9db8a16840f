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
) -> None:
    """Add a stroke's optical depth to `depth` (h, w) and set `mask` to 1 on its body.

    Parameters
    ----------
    curve
        Points (n, 2) as (x, y), half a px apart.
    half_width, density
        Half width in px and peak optical depth at each point (n,).
    lumen
        Inner over outer radius: 0 for a solid line, towards 1 for thin walls.
    filled
        How much of the lumen counts as hollow, 0..1.
    least_half_px
        The mask is at least this half width.
    blunt
        Whether the distal end is cut square; else it is round.
    """
    height, width = depth.shape
    n = len(curve)
    nearest = np.full(depth.shape, -1, np.int32)
    best = np.empty(depth.shape, np.float32)
    for i in range(n):
        x, y = curve[i]
        reach = max(half_width[i], least_half_px) + 1.0
        for row in range(max(0, int(y - reach)), min(height, int(y + reach) + 2)):
            for column in range(max(0, int(x - reach)), min(width, int(x + reach) + 2)):
                d2 = (column - x) ** 2 + (row - y) ** 2
                if d2 <= reach * reach and (nearest[row, column] < 0 or d2 < best[row, column]):
                    nearest[row, column] = i
                    best[row, column] = d2
    end_x, end_y = curve[n - 1, 0] - curve[n - 4, 0], curve[n - 1, 1] - curve[n - 4, 1]
    wall = np.sqrt(1.0 - lumen * lumen * filled) if lumen > 0.0 else 1.0
    for row in range(height):
        for column in range(width):
            i = nearest[row, column]
            if i < 0:
                continue
            if blunt and i == n - 1 and (column - curve[i, 0]) * end_x + (row - curve[i, 1]) * end_y > 0.0:
                continue
            half = max(half_width[i], np.float32(0.8))
            u2 = best[row, column] / (half * half)
            value = np.sqrt(1.0 - u2) if u2 < 1.0 else 0.0
            if lumen > 0.0 and u2 < lumen * lumen:
                value -= filled * np.sqrt(lumen * lumen - u2)
            depth[row, column] += density[i] * value / wall
            if density[i] > 0.0 and best[row, column] <= max(half_width[i], least_half_px) ** 2:
                mask[row, column] = 1
