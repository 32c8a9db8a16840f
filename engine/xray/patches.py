"""What the device network reads: three planes in bytes, in patches of 4 x 4 px.

A byte is 1/25 of a local deviation, as in training, and 128 is none. Patch (i, j) holds the px from row 4 i - 2 and
column 4 j - 2 on, in the order plane, row, column: the 8 x 8 px that the network's first layer reads at once are then
2 x 2 patches, and the border that it reads beyond the image is there already.
"""

from __future__ import annotations

from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from heartwire.engine.xray.conditioning import Array

Patches: TypeAlias = npt.NDArray[np.uint8]
"""(h / 4 + 1, w / 4 + 1, 48)."""

PATCH_PX = 4
MARGIN_PX = 2
PLANES = 3
STEP = 1.0 / 25.0
ZERO = 128


def shape_of(size: int) -> tuple[int, int, int]:
    """Give the shape of the patches of an image of `size` x `size` px."""
    side = size // PATCH_PX + 1
    return side, side, PLANES * PATCH_PX**2


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def put_row(values: Array, plane: int, row: int, patches: Patches) -> None:
    """Put a row (w,) of a plane into patches; what lies beside it stays as if there were nothing."""
    line = np.full(patches.shape[1] * PATCH_PX, ZERO, np.uint8)
    inside = line[MARGIN_PX:]
    for column in range(len(values)):
        inside[column] = np.uint8(np.int32(values[column] * np.float32(1.0 / STEP) + np.float32(ZERO + 0.5)))
    words, pixels = patches.view(np.uint32), line.view(np.uint32)
    place, within = divmod(row + MARGIN_PX, PATCH_PX)
    for patch in range(len(pixels)):
        words[place, patch, plane * PATCH_PX + within] = pixels[patch]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def put(planes: Array, patches: Patches) -> None:
    """Put planes (3, h, w) of values in -5..5 into patches."""
    for plane in range(len(planes)):
        for row in range(planes.shape[1]):
            put_row(planes[plane, row], plane, row, patches)
