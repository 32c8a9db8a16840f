"""Tests of rows times a matrix."""

from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.compiled.affine import NO_FLOOR, affine, packed, width
from heartwire.engine.compiled.layers import Layer

_SHAPES = [(48, 3, 48), (18, 1, 16), (96, 1, 192), (48, 1, 18), (5, 2, 80)]


def _multiplied(x: np.ndarray, offsets: np.ndarray, layer: Layer, floor: float = NO_FLOOR) -> np.ndarray:
    weights, bias = layer
    n_out = width(len(bias))
    out = np.full((offsets.shape[1], n_out), np.nan, np.float32)
    places = np.arange(len(out)) * n_out
    n_in = len(weights) // len(offsets)
    end = affine(x, offsets, packed([layer]), 0, n_in, n_out, floor, out.reshape(-1), places)
    assert end == len(packed([layer]))
    return out


def _case(
    n_in: int, n_taps: int, n_out: int, rows: int
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(n_in + rows)
    x = random.standard_normal(4000).astype(np.float32)
    weights = random.standard_normal((n_taps * n_in, n_out)).astype(np.float32)
    bias = random.standard_normal(n_out).astype(np.float32)
    return x, random.integers(0, len(x) - n_in, (n_taps, rows)), (weights, bias)


@pytest.mark.parametrize(("n_in", "n_taps", "n_out"), _SHAPES)
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 11])
def test_it_is_the_product_and_the_bias(n_in: int, n_taps: int, n_out: int, rows: int) -> None:
    x, offsets, (weights, bias) = _case(n_in, n_taps, n_out, rows)
    taken = np.stack([np.concatenate([x[at : at + n_in] for at in offsets[:, row]]) for row in range(rows)])
    expected = taken.astype(np.float64) @ weights + bias
    found = _multiplied(x, offsets, (weights, bias))
    np.testing.assert_allclose(found[:, :n_out], expected, atol=1e-4)
    assert not found[:, n_out:].any()
    np.testing.assert_array_equal(_multiplied(x, offsets, (weights, bias), 0.0), np.maximum(found, 0.0))


def test_the_bits_of_a_row_depend_neither_on_the_others_nor_on_its_place() -> None:
    x, offsets, layer = _case(48, 3, 48, 11)
    found = _multiplied(x, offsets, layer)
    for row in range(11):
        np.testing.assert_array_equal(_multiplied(x, offsets[:, row : row + 1].copy(), layer)[0], found[row])


def test_matrices_follow_one_another() -> None:
    x, offsets, layer = _case(18, 1, 16, 2)
    both = packed([layer, (2.0 * layer[0], layer[1])])
    out = np.empty(64, np.float32)
    at = affine(x, offsets, both, 0, 18, 16, NO_FLOOR, out, np.array([0, 16]))
    assert affine(x, offsets, both, at, 18, 16, NO_FLOOR, out, np.array([32, 48])) == len(both)
    np.testing.assert_allclose(out[32:] - np.tile(layer[1], 2), 2.0 * (out[:32] - np.tile(layer[1], 2)), atol=1e-5)
