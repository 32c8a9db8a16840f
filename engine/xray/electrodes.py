"""Ring electrodes: peaks of their heat-map, ordered along the catheter that carries them."""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from heartwire.engine.xray.device_map import CELL_PX, Array

_FAINT = 1e-4
_TO_LINE_PX = 6.0
_MOST = 64


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _peaks(heat: Array, hot: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Give row and column of those of the `hot` cells, counted along the rows, that no neighbour is above."""
    found = [(0, 0) for _ in range(0)]
    for cell in hot:
        row, column = divmod(cell, heat.shape[1])
        if heat[max(0, row - 1) : row + 2, max(0, column - 1) : column + 2].max() <= heat[row, column]:
            found.append((row, column))
    return found


def find_electrodes(heat: Array, *, least_heat: float) -> Array:
    """Find the peaks of an electrode heat-map (h, w): (n, 2) px of the network's image, hottest first.

    Parameters
    ----------
    least_heat
        Peaks below are left out.
    """
    peaks = sorted(_peaks(heat, np.flatnonzero(heat >= least_heat)), key=lambda peak: -heat[peak])[:_MOST]
    places = np.empty((len(peaks), 2), np.float32)
    for i, (row, column) in enumerate(peaks):
        x = column + _between(heat[row, max(0, column - 1) : column + 2])
        y = row + _between(heat[max(0, row - 1) : row + 2, column])
        places[i] = x * CELL_PX + (CELL_PX - 1) / 2, y * CELL_PX + (CELL_PX - 1) / 2
    return places


def _between(heat: Array) -> float:
    """Give the top of a Gaussian through three neighbouring cells, from the middle one; 0 at the border."""
    if len(heat) < 3:
        return 0.0
    low, middle, high = (math.log(max(float(h), _FAINT)) for h in heat)
    bend = 2.0 * middle - low - high
    return min(0.5, max(-0.5, 0.5 * (high - low) / bend)) if bend > 0.0 else 0.0


def along(line: Array, electrodes: Array) -> Array:
    """Give the electrodes that lie on a line (n, 2), from its last point to its first."""
    if not len(electrodes) or not len(line):
        return np.empty((0, 2), np.float32)
    distance = np.hypot(electrodes[:, None, 0] - line[None, :, 0], electrodes[:, None, 1] - line[None, :, 1])
    near = distance.min(1) <= _TO_LINE_PX
    order = np.argsort(-distance[near].argmin(1), kind="stable")
    return np.asarray(electrodes[near][order], np.float32)
