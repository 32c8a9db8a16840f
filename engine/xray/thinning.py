"""From a mask to the simple lines of its skeleton.

Cells go by their place in the flattened mask, so that the cost follows what is set and not the frame.
"""

from __future__ import annotations

from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

Mask: TypeAlias = npt.NDArray[np.uint8]
Cells: TypeAlias = npt.NDArray[np.int64]
Points: TypeAlias = npt.NDArray[np.float32]


def _is_removable(code: int, *, second: bool) -> bool:
    """Whether a cell goes in a pass of Zhang and Suen (1984); bit k of `code` is its neighbour k, from above on."""
    around = [code >> k & 1 for k in range(8)]
    changes = sum(not here and following for here, following in zip(around, around[1:] + around[:1], strict=True))
    up, right, down, left = around[::2]
    kept = up * left * (right or down) if second else right * down * (up or left)
    return 2 <= sum(around) <= 6 and changes == 1 and not kept


def _is_inner_corner(code: int) -> bool:
    """Whether a cell lies inside the corner of a stair: two straight neighbours in a row, nothing opposite."""
    return any(
        code >> k & 1 and code >> (k + 2) % 8 & 1 and not any(code >> (k + j) % 8 & 1 for j in (4, 5, 6))
        for k in (0, 2, 4, 6)
    )


_REMOVABLE = np.array([[_is_removable(code, second=second) for code in range(256)] for second in (False, True)])
_INNER_CORNER = np.array([_is_inner_corner(code) for code in range(256)])
_COUNT = np.array([code.bit_count() for code in range(256)])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _code(flat: Mask, cell: int, width: int) -> int:
    """Give the eight neighbours of a cell as bits, in order around it, beginning above."""
    above, below = cell - width, cell + width
    return int(
        flat[above]
        | flat[above + 1] << 1
        | flat[cell + 1] << 2
        | flat[below + 1] << 3
        | flat[below] << 4
        | flat[below - 1] << 5
        | flat[cell - 1] << 6
        | flat[above - 1] << 7
    )


def thin(mask: npt.NDArray[np.bool_]) -> tuple[Mask, Cells]:
    """Thin a mask (h, w) to lines one cell wide; its outermost cells count as not set.

    Returns
    -------
    skeleton
        (h, w) of 0 and 1.
    cells
        Those that are set, in the order of rows.
    """
    inner = np.zeros(mask.shape, np.bool_)
    inner[1:-1, 1:-1] = mask[1:-1, 1:-1]
    skeleton = inner.view(np.uint8)
    return skeleton, _thin(skeleton, np.flatnonzero(inner))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _thin(skeleton: Mask, cells: Cells) -> Cells:
    """Thin in place what is set; gives the cells that stay."""
    width, flat = skeleton.shape[1], skeleton.ravel()
    alive, before = len(cells), -1
    gone = np.empty(alive, np.int64)
    while alive != before:
        before = alive
        for removable in _REMOVABLE:
            n_gone = 0
            for i in range(alive):
                if removable[_code(flat, cells[i], width)]:
                    gone[n_gone] = cells[i]
                    n_gone += 1
            for i in range(n_gone):
                flat[gone[i]] = 0
            if n_gone:
                alive = _keep_set(flat, cells[:alive])
    for i in range(alive):
        # What is left of slanting lines is stairs; their inner corners go, so that a line's cells have two neighbours.
        if _INNER_CORNER[_code(flat, cells[i], width)]:
            flat[cells[i]] = 0
    return cells[: _keep_set(flat, cells[:alive])]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _keep_set(flat: Mask, cells: Cells) -> int:
    """Move the cells that are still set to the front; gives how many."""
    kept = 0
    for cell in cells:
        if flat[cell]:
            cells[kept] = cell
            kept += 1
    return kept


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def lines(skeleton: Mask, cells: Cells) -> tuple[Points, Cells]:
    """Cut a skeleton (h, w) of `cells` at its junctions and order the cells of each line from end to end.

    Returns
    -------
    points
        All lines' cells (n, 2) as (x, y), line after line.
    starts
        Where each line begins in `points`, and the end of the last (n_lines + 1,).
    """
    width, flat = skeleton.shape[1], skeleton.ravel()
    # Straight neighbours first: a corner's diagonal would jump over a cell of the line.
    ways = (-width, 1, width, -1, 1 - width, 1 + width, width - 1, -width - 1)
    open_ = skeleton.copy().ravel()
    for cell in cells:
        if _COUNT[_code(flat, cell, width)] > 2:
            open_[cell] = 0
    points = np.empty((len(cells), 2), np.float32)
    starts = np.zeros(len(cells) + 1, np.int64)
    n, n_lines = 0, 0
    # Lines are begun at their ends; what is left after that are closed rings.
    for rings in (False, True):
        for cell in cells:
            if not open_[cell] or (not rings and _COUNT[_code(open_, cell, width)] > 1):
                continue
            at = cell
            while at >= 0:
                points[n] = at % width, at // width
                n += 1
                open_[at] = 0
                here, at = at, -1
                for way in ways:
                    if open_[here + way]:
                        at = here + way
                        break
            n_lines += 1
            starts[n_lines] = n
    return points[:n], starts[: n_lines + 1]
