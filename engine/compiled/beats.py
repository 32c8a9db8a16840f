"""The beat network (`heartwire.models.ecg.beat_network`) as one compiled call for all streams that ask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numba import njit, types

from heartwire.engine.compiled.affine import NO_FLOOR, Array, Offsets, affine, packed
from heartwire.engine.compiled.layers import Layer, convolution, linear
from heartwire.engine.compiled.network import Network, stacked
from heartwire.models.tensors import Tensors

_WIDTH, _CHANNELS, _NUMBERS_IN = 60, 10, 16
_SEES = np.array(((0, 1, 2, 3, 4, 5, 0, 0), (0, 1, 2, 3, 6, 7, 8, 9)))
"""Channels that the network for classes and that for pacing see,"""
_N_SEES = np.array((6, 8))
"""and how many of these count."""
_ROLES = ("classes", "pacing")
_CLASSES, _PACED = 5, 4
_SHAPE, _NUMBERS, _MEMORY = 64, 32, 64
_SEEN = _SHAPE + _NUMBERS + _MEMORY
_GATES = 3 * _MEMORY
_BEFORE = 2 * _MEMORY + _SHAPE + 2 * _NUMBERS
_SECOND, _THIRD, _FOURTH = (2 + 30 + 2) * 32, (1 + 15 + 1) * 48, 8 * 64
"""Numbers of a beat after each convolution, with the zeros about them that the next one takes."""
_OUT = 16
"""Columns written of the five classes."""


@njit(types.int64[:, ::1](*(types.int64,) * 5), cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _rows(n_streams: int, n: int, stream: int, step: int, first: int) -> Offsets:
    """Tell where rows lie: `n` of each stream, so far apart."""
    at = np.empty((1, n_streams * n), np.int64)
    for s in range(n_streams):
        for i in range(n):
            at[0, s * n + i] = s * stream + first + i * step
    return at


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _sigmoid(x: float) -> float:
    p: float = np.float32(1.0) / (np.float32(1.0) + np.exp(-x))
    return p


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _softmax(raw: Array, told: Array) -> None:
    most = np.max(raw[:_CLASSES])
    total = np.float32(0.0)
    for k in range(_CLASSES):
        told[k] = np.exp(raw[k] - most)
        total += told[k]
    for k in range(_CLASSES):
        told[k] /= total


@njit(nogil=True)  # type: ignore[untyped-decorator]
def _add(of_classes: Array, of_pacing: Array, share: float, told: Array) -> None:
    """Add a member's verdict: a beat is paced where either of its networks says so."""
    p, q = np.empty(_CLASSES, np.float32), np.empty(_CLASSES, np.float32)
    _softmax(of_classes, p)
    _softmax(of_pacing, q)
    paced = q[_PACED]
    for k in range(_CLASSES):
        value = p[k] * (np.float32(1.0) - paced)
        told[k] += share * (value + paced if k == _PACED else value)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _run(
    wave: Array,
    features: Array,
    rows: Offsets,
    states: Array,
    weights: Array,
    n_members: int,
    sees: Offsets,
    n_sees: Offsets,
    now: Array,
    before: Array,
) -> None:
    """Take (n_streams, CHANNELS, WIDTH) and (n_streams, 16); add to (n_streams, 5) each."""
    n = len(rows)
    flat, numbers = states.reshape(-1), features.reshape(-1)
    # A zero or two stand before the beat and after it.
    first = np.zeros(n * (_WIDTH + 4) * 8, np.float32)
    second, third = np.zeros(n * _SECOND, np.float32), np.zeros(n * _THIRD, np.float32)
    fourth = np.empty(n * _FOURTH, np.float32)
    seen = np.empty(n * _SEEN, np.float32)
    gates, gates_before = np.empty(n * _GATES, np.float32), np.empty(n * _GATES, np.float32)
    both = np.empty(n * _BEFORE, np.float32)
    hidden = np.empty(n * 64, np.float32)
    raw_now, raw_before = np.empty((2, n * _OUT), np.float32), np.empty((2, n * _OUT), np.float32)
    to_second, from_second = _rows(n, 30, _SECOND, 32, 64), _rows(n, 15, _SECOND, 64, 0)
    to_third, from_third = _rows(n, 15, _THIRD, 48, 48), _rows(n, 8, _THIRD, 96, 0)
    to_fourth, whole = _rows(n, 8, _FOURTH, 64, 0), _rows(n, 1, _FOURTH, 0, 0)
    of_seen, of_numbers = _rows(n, 1, _SEEN, 0, 0), _rows(n, 1, _NUMBERS_IN, 0, 0)
    seen_numbers, of_gates = _rows(n, 1, _SEEN, 0, _SHAPE), _rows(n, 1, _GATES, 0, 0)
    of_both, of_hidden, of_out = _rows(n, 1, _BEFORE, 0, 0), _rows(n, 1, 64, 0, 0), _rows(n, 1, _OUT, 0, 0)
    state = np.empty((1, n), np.int64)
    share = np.float32(1.0 / n_members)
    at = 0
    for member in range(n_members):
        for role in range(2):
            c = n_sees[role]
            for s in range(n):
                for k in range(_WIDTH):
                    for i in range(c):
                        first[(s * (_WIDTH + 4) + 2 + k) * c + i] = wave[s, sees[role, i], k]
                for k in range(2 * c):
                    first[s * (_WIDTH + 4) * c + k] = 0.0
                    first[(s * (_WIDTH + 4) + 2 + _WIDTH) * c + k] = 0.0
                state[0, s] = rows[s] * states.shape[1] + (2 * member + role) * _SEEN
            from_first = _rows(n, 30, (_WIDTH + 4) * c, 2 * c, 0)
            at = affine(first, from_first, weights, at, 5 * c, 32, 0.0, second, to_second[0])
            at = affine(second, from_second, weights, at, 160, 48, 0.0, third, to_third[0])
            at = affine(third, from_third, weights, at, 144, 64, 0.0, fourth, to_fourth[0])
            at = affine(fourth, whole, weights, at, _FOURTH, _SHAPE, 0.0, seen, of_seen[0])
            at = affine(numbers, of_numbers, weights, at, _NUMBERS_IN, _NUMBERS, 0.0, seen, seen_numbers[0])
            at = affine(seen, of_seen, weights, at, _SHAPE + _NUMBERS, _GATES, NO_FLOOR, gates, of_gates[0])
            at = affine(flat, state, weights, at, _MEMORY, _GATES, NO_FLOOR, gates_before, of_gates[0])
            for s in range(n):
                a, b, c_ = state[0, s], s * _BEFORE, s * _SEEN
                for k in range(_MEMORY):
                    g = s * _GATES + k
                    reset = _sigmoid(gates[g] + gates_before[g])
                    update = _sigmoid(gates[g + _MEMORY] + gates_before[g + _MEMORY])
                    new = np.tanh(gates[g + 2 * _MEMORY] + reset * gates_before[g + 2 * _MEMORY])
                    memory = new + update * (flat[a + k] - new)
                    seen[c_ + _SHAPE + _NUMBERS + k] = memory
                    both[b + k] = memory
                for k in range(_SEEN):
                    both[b + _MEMORY + k] = flat[a + k]
                for k in range(_NUMBERS):
                    both[b + _MEMORY + _SEEN + k] = seen[c_ + _SHAPE + k]
            at = affine(seen, of_seen, weights, at, _SEEN, 64, 0.0, hidden, of_hidden[0])
            at = affine(hidden, of_hidden, weights, at, 64, _OUT, NO_FLOOR, raw_now[role], of_out[0])
            at = affine(both, of_both, weights, at, _BEFORE, 64, 0.0, hidden, of_hidden[0])
            at = affine(hidden, of_hidden, weights, at, 64, _OUT, NO_FLOOR, raw_before[role], of_out[0])
            for s in range(n):
                a, c_ = state[0, s], s * _SEEN
                for k in range(_MEMORY):
                    flat[a + k] = seen[c_ + _SHAPE + _NUMBERS + k]
                for k in range(_SHAPE + _NUMBERS):
                    flat[a + _MEMORY + k] = seen[c_ + k]
        for s in range(n):
            here = s * _OUT
            _add(raw_now[0, here : here + _OUT], raw_now[1, here : here + _OUT], share, now[s])
            _add(raw_before[0, here : here + _OUT], raw_before[1, here : here + _OUT], share, before[s])


class BeatNetwork(Network):
    """The beat network."""

    def __init__(self, tensors: Tensors) -> None:
        members = {name.split(".")[2] for name in tensors if name.startswith("network.members.")}
        self._n_members = len(members)
        if not members:
            msg = "network.members.0"
            raise KeyError(msg)
        names = [f"network.members.{k}.{role}" for k in range(self._n_members) for role in _ROLES]
        self._weights = packed(layer for name in names for layer in _layers(tensors, name))
        self.state_size = len(names) * _SEEN

    def run(self, inputs: Sequence[Mapping[str, Array]], states: Array, rows: Offsets) -> dict[str, Array]:
        """Take a beat of each stream; give `immediate` and `revised`, (n_streams, 5) each."""
        wave = stacked([of_stream["wave"] for of_stream in inputs], (_CHANNELS, _WIDTH))
        features = stacked([of_stream["features"] for of_stream in inputs], (_NUMBERS_IN,))
        now, before = np.zeros((len(rows), _CLASSES), np.float32), np.zeros((len(rows), _CLASSES), np.float32)
        _run(wave, features, rows, states, self._weights, self._n_members, _SEES, _N_SEES, now, before)
        return {"immediate": now, "revised": before}


def _layers(tensors: Tensors, name: str) -> Iterator[Layer]:
    """Give the layers of one network in the order in which they are used."""
    n_seen = int(_N_SEES[_ROLES.index(name.rsplit(".", 1)[1])])
    for layer, shape in ((0, (32, n_seen, 1, 5)), (2, (48, 32, 1, 5)), (4, (64, 48, 1, 3))):
        yield convolution(tensors, f"{name}.encoder.{layer}", shape)
    weights, bias = linear(tensors, f"{name}.encoder.8", (_SHAPE, _FOURTH))
    # The rows come point by point here, channel by channel there.
    yield weights.reshape(64, 8, _SHAPE).transpose(1, 0, 2).reshape(_FOURTH, _SHAPE), bias
    yield linear(tensors, f"{name}.numbers.0", (_NUMBERS, _NUMBERS_IN))
    yield linear(tensors, f"{name}.memory", (_GATES, _SHAPE + _NUMBERS), of="_ih_l0")
    yield linear(tensors, f"{name}.memory", (_GATES, _MEMORY), of="_hh_l0")
    for head, n_in in (("immediate", _SEEN), ("revised", _BEFORE)):
        yield linear(tensors, f"{name}.{head}.0", (64, n_in))
        yield linear(tensors, f"{name}.{head}.3", (_CLASSES, 64))
