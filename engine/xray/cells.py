"""What the device network answers: bytes in cells of 4 x 4 px.

The first twelve of the 16 bytes of a cell are the logits of a catheter's body, a guidewire's and a ring electrode, each
for the four half cells (above left, above right, below left, below right); then come those of a catheter's tip and a
guidewire's, and the way from the cell's centre to the tip near it, x and y. 128 is 0; a step is 1/16, of a way 1/8 px.
"""

from __future__ import annotations

from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from heartwire.engine.xray.conditioning import Array

Cells: TypeAlias = npt.NDArray[np.uint8]
"""(h / 4, w / 4, 16)."""

CHANNELS = 16
ZERO = 128
LOGIT_STEPS = 16.0
"""Steps in a logit of 1."""
OFFSET_STEPS = 8.0
"""Steps in a way of 1 px."""
_HALVES = 2
_STEPS = np.arange(256) - ZERO
_PROBABILITIES = (1.0 / (1.0 + np.exp(-_STEPS / LOGIT_STEPS))).astype(np.float32)
_WAYS_PX = (_STEPS / OFFSET_STEPS).astype(np.float32)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unfold(cells: Cells, fine: Array, tip: Array, offset: Array) -> None:
    """Give probabilities `fine` (3, h / 2, w / 2) and `tip` (2, h / 4, w / 4) and the ways `offset` in px likewise."""
    for row in range(len(cells)):
        for plane in range(len(fine)):
            for half in range(_HALVES):
                line, first = fine[plane, _HALVES * row + half], _HALVES**2 * plane + _HALVES * half
                for column in range(cells.shape[1]):
                    line[2 * column] = _PROBABILITIES[cells[row, column, first]]
                    line[2 * column + 1] = _PROBABILITIES[cells[row, column, first + 1]]
        for column in range(cells.shape[1]):
            for k in range(2):
                tip[k, row, column] = _PROBABILITIES[cells[row, column, CHANNELS - 4 + k]]
                offset[k, row, column] = _WAYS_PX[cells[row, column, CHANNELS - 2 + k]]
