"""Rows times a matrix, compiled: what the networks of the ECG spend nearly all of their time on.

ONNX Runtime is made for large tensors. Of one bed's message it computes a few rows, and most of the time goes into its
calls; here a whole network is one call. Up to four rows and 64 columns stay in vector registers. Each value is summed
up in the same order however many rows there are: the bits of a row depend neither on its batch nor on its place in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from llvmlite import ir  # type: ignore[import-untyped]
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from heartwire.engine.alignment import aligned

Array: TypeAlias = npt.NDArray[np.float32]
Offsets: TypeAlias = npt.NDArray[np.int64]

LANES = 16
"""Columns of a vector; processors without registers so wide take it in halves or quarters."""
_VECTORS = 4
_BLOCK = _VECTORS * LANES
NO_FLOOR = -np.inf


def width(n_out: int) -> int:
    """Give how many columns are written of a matrix with so many: whole vectors."""
    return -(-n_out // LANES) * LANES


def packed(layers: Iterable[tuple[Array, Array]]) -> Array:
    """Lay out matrices, (n_in, n_out), and their biases, (n_out,), in the order in which they are used.

    Of each first the bias, then its columns in blocks of 64, filled up with zeros to whole vectors.
    """
    parts = []
    for weights, bias in layers:
        full = np.zeros((len(weights), width(len(bias))), np.float32)
        full[:, : len(bias)] = weights
        parts.append(np.pad(bias, (0, full.shape[1] - len(bias))))
        parts += [full[:, first : first + _BLOCK].ravel() for first in range(0, full.shape[1], _BLOCK)]
    together = np.concatenate(parts)
    laid_out = aligned(len(together))
    laid_out[:] = together
    return laid_out


def _tile(n_rows: int, n_vectors: int) -> Any:
    """Make the loop for so many rows and vectors.

    `weights_at` is where the block's weights begin, `bias_at` its bias, `row` the first row, `column` the first column.
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def tile(
        typing: Any,  # noqa: ARG001
        x: Any,
        offsets: Any,
        weights: Any,
        out: Any,
        places: Any,
        weights_at: Any,
        bias_at: Any,
        n_in: Any,
        floor: Any,
        row: Any,
        column: Any,
    ) -> Any:
        of = (x, offsets, weights, out, places, weights_at, bias_at, n_in, floor, row, column)

        def build(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            arrays = [
                context.make_array(a)(context, builder, arg) for a, arg in zip(signature.args[:5], args, strict=False)
            ]
            n_taps, n = cgutils.unpack_tuple(builder, arrays[1].shape, 2)
            values = [*(array.data for array in arrays), n_taps, n, *args[5:]]
            of_values = ir.FunctionType(ir.VoidType(), [value.type for value in values])
            function = cgutils.get_or_insert_function(builder.module, of_values, f"affine_{n_rows}x{n_vectors}")
            if function.is_declaration:
                function.linkage = "internal"
                # Written into each of its callers it would take them ten times as long to compile.
                function.attributes.add("noinline")
                _write(function, n_rows, n_vectors)
            builder.call(function, values)
            return context.get_dummy_value()

        return types.void(*of), build

    return tile


def _write(function: Any, n_rows: int, n_vectors: int) -> None:
    """Write the loop in LLVM's language: in numba's the sums would lie in memory."""
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    x, offsets, weights, out, places, n_taps, n, weights_at, bias_at, n_in, floor, row, column = function.args
    vector = ir.VectorType(ir.FloatType(), LANES)

    def plus(at: Any, k: int) -> Any:
        return builder.add(at, ir.Constant(at.type, k))

    def vectors(base: Any, at: Any) -> list[Any]:
        return [
            builder.bitcast(builder.gep(base, [plus(at, LANES * v)]), vector.as_pointer()) for v in range(n_vectors)
        ]

    def splat(value: Any) -> Any:
        none, zero = ir.Constant(vector, ir.Undefined), ir.Constant(ir.IntType(32), 0)
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        return builder.shuffle_vector(builder.insert_element(none, value, zero), none, zeros)

    of_three = ir.FunctionType(vector, [vector] * 3)
    fma = cgutils.get_or_insert_function(builder.module, of_three, f"llvm.fmuladd.v{LANES}f32")
    bias = [builder.load(at, align=4) for at in vectors(weights, bias_at)]
    sums = [[cgutils.alloca_once_value(builder, start) for start in bias] for _ in range(n_rows)]
    at = cgutils.alloca_once_value(builder, weights_at)
    with cgutils.for_range(builder, n_taps) as taps:
        of_tap = builder.add(builder.mul(taps.index, n), row)
        rows = [builder.gep(x, [builder.load(builder.gep(offsets, [plus(of_tap, r)]))]) for r in range(n_rows)]
        with cgutils.for_range(builder, n_in) as inputs:
            here = builder.load(at)
            factors = [builder.load(place, align=4) for place in vectors(weights, here)]
            builder.store(plus(here, LANES * n_vectors), at)
            for r in range(n_rows):
                value = splat(builder.load(builder.gep(rows[r], [inputs.index])))
                for total, factor in zip(sums[r], factors, strict=True):
                    builder.store(builder.call(fma, [value, factor, builder.load(total)]), total)
    least = splat(floor)
    for r in range(n_rows):
        place = builder.add(builder.load(builder.gep(places, [plus(row, r)])), column)
        for total, to in zip(sums[r], vectors(out, place), strict=True):
            value = builder.load(total)
            value = builder.select(builder.fcmp_ordered("<", value, least), least, value)
            builder.store(value, to, align=4)
    builder.ret_void()


def _columns(n_vectors: int) -> Any:
    """Make the loop over the rows for so many vectors."""
    four, two, one = (_tile(n_rows, n_vectors) for n_rows in (4, 2, 1))

    @njit(nogil=True)  # type: ignore[untyped-decorator]
    def columns(
        x: Array,
        offsets: Offsets,
        weights: Array,
        out: Array,
        places: Offsets,
        at: int,
        bias: int,
        n_in: int,
        floor: float,
        column: int,
    ) -> None:
        row, n = 0, offsets.shape[1]
        while row + 4 <= n:
            four(x, offsets, weights, out, places, at, bias, n_in, floor, row, column)
            row += 4
        if row + 2 <= n:
            two(x, offsets, weights, out, places, at, bias, n_in, floor, row, column)
            row += 2
        if row < n:
            one(x, offsets, weights, out, places, at, bias, n_in, floor, row, column)

    return columns


_one, _two, _three, _four = (_columns(n) for n in (1, 2, 3, 4))


_floats, _index = types.float32[::1], types.int64[::1]
# Given, so that it is compiled once and not for every number that a caller writes down.
_SIGNATURE = types.int64(_floats, types.int64[:, ::1], _floats, *(types.int64,) * 3, types.float64, _floats, _index)


@njit(_SIGNATURE, cache=True, nogil=True)  # type: ignore[untyped-decorator]
def affine(
    x: Array,
    offsets: Offsets,
    weights: Array,
    at: int,
    n_in: int,
    n_out: int,
    floor: float,
    out: Array,
    places: Offsets,
) -> int:
    """Multiply rows with a matrix, add its bias, and let nothing fall below a floor.

    Parameters
    ----------
    x
        One-dimensional; holds the rows.
    offsets
        (n_taps, n_rows): where in `x` the `n_in` values lie that each tap of a convolution takes for each row.
    weights, at
        Matrices as `packed` lays them out, and where the one to use begins; it has n_taps * n_in rows.
    n_in, n_out
        Values that a tap takes, and columns, whole vectors.
    floor
        0: what is negative becomes 0.
    out, places
        One-dimensional; and where each row is written.

    Returns
    -------
    Where the next matrix begins.
    """
    n_taps = offsets.shape[0]
    least = np.float32(floor)
    here = at + n_out
    for column in range(0, n_out, _BLOCK):
        n_vectors = min((n_out - column) // LANES, _VECTORS)
        bias = at + column
        if n_vectors == 4:
            _four(x, offsets, weights, out, places, here, bias, n_in, least, column)
        elif n_vectors == 3:
            _three(x, offsets, weights, out, places, here, bias, n_in, least, column)
        elif n_vectors == 2:
            _two(x, offsets, weights, out, places, here, bias, n_in, least, column)
        else:
            _one(x, offsets, weights, out, places, here, bias, n_in, least, column)
        here += n_taps * n_in * n_vectors * LANES
    return here
