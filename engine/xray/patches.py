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

Bytes: TypeAlias = npt.NDArray[np.uint8]
Patches: TypeAlias = Bytes
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
def to_byte(value: np.float32) -> np.uint8:
    """Give the byte of a value in -5..5."""
    return np.uint8(np.int32(value * np.float32(1.0 / STEP) + np.float32(ZERO + 0.5)))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def put_lines(lines: Bytes, patches: Patches) -> None:
    """Put lines of bytes (3, 4, 4 w) into a row of patches (w, 48)."""
    words, pixels = patches.view(np.uint32), lines.view(np.uint32)
    for patch in range(len(words)):
        for plane in range(PLANES):
            for within in range(PATCH_PX):
                words[patch, PATCH_PX * plane + within] = pixels[plane, within, patch]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def put(planes: Array, patches: Patches) -> None:
    """Put planes (3, h, w) of values in -5..5 into patches."""
    lines = np.empty((PLANES, PATCH_PX, PATCH_PX * patches.shape[1]), np.uint8)
    for place in range(-(-(planes.shape[1] + MARGIN_PX) // PATCH_PX)):
        lines[...] = ZERO
        for within in range(PATCH_PX):
            row = PATCH_PX * place + within - MARGIN_PX
            if 0 <= row < planes.shape[1]:
                for plane in range(PLANES):
                    for column in range(planes.shape[2]):
                        lines[plane, within, MARGIN_PX + column] = to_byte(planes[plane, row, column])
        put_lines(lines, patches[place])
