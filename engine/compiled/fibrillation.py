"""The fibrillation network (`heartwire.models.ecg.fibrillation_network`) as one compiled call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit

from heartwire.engine.compiled.affine import NO_FLOOR, Array, Offsets, affine, packed
from heartwire.engine.compiled.layers import linear, taken
from heartwire.engine.compiled.network import Network, stacked
from heartwire.models.tensors import Tensors

_FEATURES = 51
_HIDDEN = (32, 16)
_OUT = 16


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _run(features: Array, middle: Array, spread: Array, weights: Array, told: Array) -> None:
    """Take (n_streams, 51); give (n_streams, 1)."""
    n, n_features = features.shape
    x = np.empty(n * n_features, np.float32)
    one, two, three = np.empty(n * 32, np.float32), np.empty(n * 16, np.float32), np.empty(n * _OUT, np.float32)
    at_x, at_one, at_two = np.empty((1, n), np.int64), np.empty((1, n), np.int64), np.empty((1, n), np.int64)
    for s in range(n):
        at_x[0, s], at_one[0, s], at_two[0, s] = s * n_features, s * 32, s * 16
        for k in range(n_features):
            x[s * n_features + k] = (features[s, k] - middle[k]) / spread[k]
    at = affine(x, at_x, weights, 0, n_features, 32, 0.0, one, at_one[0])
    at = affine(one, at_one, weights, at, 32, 16, 0.0, two, at_two[0])
    affine(two, at_two, weights, at, 16, _OUT, NO_FLOOR, three, at_two[0])
    for s in range(n):
        told[s, 0] = np.float32(1.0) / (np.float32(1.0) + np.exp(-three[s * _OUT]))


class FibrillationNetwork(Network):
    """The fibrillation network."""

    def __init__(self, tensors: Tensors) -> None:
        self._middle = taken(tensors, "network.middle", (_FEATURES,)).copy()
        self._spread = taken(tensors, "network.spread", (_FEATURES,)).copy()
        shapes = {0: (_HIDDEN[0], _FEATURES), 3: (_HIDDEN[1], _HIDDEN[0]), 5: (1, _HIDDEN[1])}
        self._weights = packed(linear(tensors, f"network.layers.{k}", shape) for k, shape in shapes.items())

    def run(
        self,
        inputs: Sequence[Mapping[str, Array]],
        states: Array,  # noqa: ARG002
        rows: Offsets,
    ) -> dict[str, Array]:
        """Take the last beats of each stream in numbers, (51,); give `fibrillation`, (n_streams, 1)."""
        features = stacked([of_stream["features"] for of_stream in inputs], (_FEATURES,))
        told = np.empty((len(rows), 1), np.float32)
        _run(features, self._middle, self._spread, self._weights, told)
        return {"fibrillation": told}
