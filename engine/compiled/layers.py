"""The layers of a network as matrices, from the tensors of its file."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from heartwire.engine.compiled.affine import Array
from heartwire.models.tensors import Tensors

Layer: TypeAlias = tuple[Array, Array]
"""A matrix, (n_in, n_out), and its bias, (n_out,)."""


def taken(tensors: Tensors, name: str, shape: tuple[int, ...]) -> Array:
    """Give a tensor.

    Raises
    ------
    KeyError
        If it is not there.
    ValueError
        If it has another shape.
    """
    found = tensors[name]
    if found.shape != shape:
        msg = f"{name} has the shape {found.shape}, not {shape}"
        raise ValueError(msg)
    return found


def convolution(tensors: Tensors, name: str, shape: tuple[int, ...]) -> Layer:
    """Give a convolution, (n_out, n_in, 1, n_taps), as a matrix: its rows tap by tap, and there channel by channel."""
    weights = taken(tensors, f"{name}.weight", shape)
    n_out, n_in, _, n_taps = shape
    rows = weights[:, :, 0].transpose(2, 1, 0).reshape(n_taps * n_in, n_out)
    return np.ascontiguousarray(rows), taken(tensors, f"{name}.bias", (n_out,))


def linear(tensors: Tensors, name: str, shape: tuple[int, ...], of: str = "") -> Layer:
    """Give a dense layer, (n_out, n_in), as a matrix; `of` follows the names of its weight and bias."""
    weights = taken(tensors, f"{name}.weight{of}", shape)
    return np.ascontiguousarray(weights.T), taken(tensors, f"{name}.bias{of}", shape[:1])
