"""Arrays that compiled code finds by their addresses: those of many beds in one call, whatever their shapes.

What a bed carries lies in arrays of its own. To hand over those of 32 beds one by one would cost more than the work
done on them, so that a call takes one table of addresses, and makes the arrays of each row again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import types
from numba.extending import intrinsic

Addresses = npt.NDArray[np.int64]


def addresses(arrays: Sequence[npt.NDArray[Any]]) -> Addresses:
    """Give where the numbers of arrays lie: good for as long as whoever uses them holds the arrays too.

    Raises
    ------
    ValueError
        If one is not in C order, as compiled code will take it to be.
    """
    if not all(array.flags.c_contiguous for array in arrays):
        msg = "arrays given by address must be in C order"
        raise ValueError(msg)
    return np.array([array.ctypes.data for array in arrays], np.int64)


def _pointer_to(kind: Any) -> Any:
    """Make what turns an address into a pointer, for `numba.carray`."""

    @intrinsic  # type: ignore[untyped-decorator]
    def pointer(_: Any, address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return builder.inttoptr(given[0], context.get_value_type(signature.return_type))

        return types.CPointer(kind)(address), generate

    return pointer


doubles, floats, integers, flags = (_pointer_to(k) for k in (types.float64, types.float32, types.int64, types.boolean))
"""To be called in compiled code with an address; `carray(doubles(address), shape)` is the array there."""
