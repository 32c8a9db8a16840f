"""From a mask to the simple lines of its skeleton."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]

# The eight neighbours in order around a cell, beginning above.
_ROWS = np.array([-1, -1, 0, 1, 1, 1, 0, -1])
_COLUMNS = np.array([0, 1, 1, 1, 0, -1, -1, -1])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _removable(mask: Mask, row: int, column: int, second: bool) -> bool:
    up, right = mask[row - 1, column], mask[row, column + 1]
    down, left = mask[row + 1, column], mask[row, column - 1]
    count = 0
    changes = 0
    for k in range(8):
        here = mask[row + _ROWS[k], column + _COLUMNS[k]]
        following = mask[row + _ROWS[(k + 1) % 8], column + _COLUMNS[(k + 1) % 8]]
        count += here
        if here == 0 and following == 1:
            changes += 1
    if count < 2 or count > 6 or changes != 1:
        return False
    if second:
        return up * right * left == 0 and up * down * left == 0  # type: ignore[no-any-return]
    return up * right * down == 0 and right * down * left == 0  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _set(mask: Mask, row: int, column: int, k: int) -> int:
    return int(mask[row + _ROWS[k % 8], column + _COLUMNS[k % 8]])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def thin(mask: Mask) -> Mask:
    """Thin a mask (h, w) of 0 and 1 to lines one cell wide (Zhang and Suen 1984); its outermost cells count as 0.

    Only cells still set are looked at, so that the cost follows the mask, not the frame.
    """
    height, width = mask.shape
    result = mask.copy()
    result[0], result[height - 1], result[:, 0], result[:, width - 1] = 0, 0, 0, 0
    rows, columns = np.nonzero(result)
    alive = len(rows)
    gone = np.empty(alive, np.int64)
    changed = True
    while changed:
        changed = False
        for second in (False, True):
            n_gone = 0
            for i in range(alive):
                if _removable(result, rows[i], columns[i], second):
                    gone[n_gone] = i
                    n_gone += 1
            for k in range(n_gone):
                result[rows[gone[k]], columns[gone[k]]] = 0
            if n_gone:
                changed = True
                kept = 0
                for i in range(alive):
                    if result[rows[i], columns[i]]:
                        rows[kept], columns[kept] = rows[i], columns[i]
                        kept += 1
                alive = kept
    for i in range(alive):
        # What is left of slanting lines is stairs; their inner corners go, so that a line's cells have two neighbours.
        row, column = rows[i], columns[i]
        for k in (0, 2, 4, 6):
            if _set(result, row, column, k) and _set(result, row, column, k + 2):
                opposite = 0
                for j in (4, 5, 6):
                    opposite += _set(result, row, column, k + j)
                if opposite == 0:
                    result[row, column] = 0
                    break
    return result


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _neighbours(skeleton: Mask, row: int, column: int) -> int:
    count = 0
    for k in range(8):
        count += skeleton[row + _ROWS[k], column + _COLUMNS[k]]
    return count


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def lines(skeleton: Mask) -> tuple[Points, npt.NDArray[np.int64]]:
    """Cut a skeleton (h, w) at its junctions and order the cells of each line from end to end.

    Returns
    -------
    points
        All lines' cells (n, 2) as (x, y), line after line.
    starts
        Where each line begins in `points`, and the end of the last (n_lines + 1,).
    """
    rows, columns = np.nonzero(skeleton)
    open_ = skeleton.copy()
    for i in range(len(rows)):
        if _neighbours(skeleton, rows[i], columns[i]) > 2:
            open_[rows[i], columns[i]] = 0
    points = np.empty((len(rows), 2), np.float32)
    starts = np.zeros(len(rows) + 1, np.int64)
    n = 0
    n_lines = 0
    # Lines are begun at their ends; what is left after that are closed rings.
    for rings in (False, True):
        for i in range(len(rows)):
            row, column = rows[i], columns[i]
            if open_[row, column] == 0 or (not rings and _neighbours(open_, row, column) > 1):
                continue
            going = True
            while going:
                points[n, 0], points[n, 1] = column, row
                n += 1
                open_[row, column] = 0
                going = False
                for k in range(8):
                    # Straight neighbours first: a corner's diagonal would jump over a cell of the line.
                    j = (2 * k) % 8 + k // 4
                    if open_[row + _ROWS[j], column + _COLUMNS[j]]:
                        row, column = row + _ROWS[j], column + _COLUMNS[j]
                        going = True
                        break
            n_lines += 1
            starts[n_lines] = n
    return points[:n], starts[: n_lines + 1]
