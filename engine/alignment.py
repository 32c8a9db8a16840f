"""Arrays that begin where a line of the cache does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

_LINE_FLOATS = 16


def aligned(shape: int | tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Make an array of zeros; a vector across two lines would cost twice."""
    n = int(np.prod(shape))
    room = np.zeros(n + _LINE_FLOATS, np.float32)
    first = -room.ctypes.data % (4 * _LINE_FLOATS) // 4
    return room[first : first + n].reshape(shape)
