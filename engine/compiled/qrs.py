"""The QRS network (`heartwire.models.ecg.qrs_network`) as one compiled call for all streams that ask.

Every convolution looks back on rows that lie in its stream's state, one row a time step, and what it gives is written
behind those that the next one looks back on: nothing is copied for a call. Where the room behind them is used up, in
every sixteenth frame, they are moved to the front.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numba import njit

from heartwire.engine.compiled.affine import LANES, NO_FLOOR, Array, Offsets, affine, packed, width
from heartwire.engine.compiled.layers import convolution
from heartwire.engine.compiled.network import Network
from heartwire.models.tensors import Tensors

ROOM = 16
"""Frames that have room in a state."""
_SAMPLES = 8
_LEADS = 2
_STEM = ((9, 2, 16), (5, 16, 32), (5, 32, 48))
"""Taps and channels, in and out, of the strided convolutions, each of which halves the rate."""
_CHANNELS = 48
_DILATIONS = np.array((1, 2, 4, 8, 16, 32, 1, 2, 4))
SLOT_ROWS, _QUALITY = 16, 2
_HEADS = width(SLOT_ROWS + _QUALITY)


def _layout() -> Offsets:
    """Give of each convolution where its rows begin, how many it looks back on, their width, and rows a frame."""
    rows, at = [], LANES
    for past, n, a_frame in [(7, _LEADS, 8), (3, 16, 4), (3, 32, 2), *((2 * d, _CHANNELS, 1) for d in _DILATIONS)]:
        rows.append((at, past, n, a_frame))
        at += width((past + ROOM * a_frame) * n)
    return np.array([*rows, (at, 0, 0, 0)], np.int64)


_LAYOUT = _layout()


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _make_room(state: Array, layout: Offsets) -> None:
    """Move the rows that are looked back on to the front."""
    used = int(state[0])
    for k in range(len(layout) - 1):
        at, past, n, a_frame = layout[k]
        first = at + used * a_frame * n
        for i in range(past * n):
            state[at + i] = state[first + i]
    state[0] = 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _run(
    signal: Array, rows: Offsets, states: Array, weights: Array, layout: Offsets, dilations: Offsets, told: Array
) -> None:
    """Take (n_streams, n_frames * 8, 2) samples; give (n_streams, 18, n_frames)."""
    n_streams, n = len(rows), signal.shape[1] // _SAMPLES
    flat = states.reshape(-1)
    begin = np.empty(n_streams, np.int64)
    used = np.empty(n_streams, np.int64)
    for s in range(n_streams):
        state = states[rows[s]]
        if int(state[0]) + n > ROOM:
            _make_room(state, layout)
        begin[s] = rows[s] * states.shape[1]
        used[s] = int(state[0])
        first = layout[0, 0] + (layout[0, 1] + used[s] * _SAMPLES) * _LEADS
        for i in range(n * _SAMPLES):
            for lead in range(_LEADS):
                state[first + i * _LEADS + lead] = signal[s, i, lead]
        state[0] = used[s] + n
    at = 0
    taps = (9, 5, 5)
    for k in range(3):
        base, _, n_in, a_frame = layout[k]
        to, past, n_out, a_frame_out = layout[k + 1]
        m = n * a_frame_out
        offsets = np.empty((1, n_streams * m), np.int64)
        places = np.empty(n_streams * m, np.int64)
        for s in range(n_streams):
            for i in range(m):
                offsets[0, s * m + i] = begin[s] + base + (used[s] * a_frame + 2 * i) * n_in
                places[s * m + i] = begin[s] + to + (past + used[s] * a_frame_out + i) * n_out
        at = affine(flat, offsets, weights, at, taps[k] * n_in, n_out, 0.0, flat, places)
    m = n_streams * n
    wide = np.empty(m * _CHANNELS, np.float32)
    mixed = np.empty(m * _CHANNELS, np.float32)
    rows_of = np.empty((1, m), np.int64)
    for i in range(m):
        rows_of[0, i] = i * _CHANNELS
    offsets = np.empty((3, m), np.int64)
    places = np.empty(m, np.int64)
    for k in range(len(dilations)):
        base = layout[3 + k, 0]
        to, past = layout[4 + k, 0], layout[4 + k, 1]
        for s in range(n_streams):
            for i in range(n):
                for tap in range(3):
                    offsets[tap, s * n + i] = begin[s] + base + (used[s] + i + tap * dilations[k]) * _CHANNELS
                places[s * n + i] = begin[s] + to + (past + used[s] + i) * _CHANNELS
        at = affine(flat, offsets, weights, at, _CHANNELS, _CHANNELS, 0.0, wide, rows_of[0])
        at = affine(wide, rows_of, weights, at, _CHANNELS, _CHANNELS, NO_FLOOR, mixed, rows_of[0])
        last = k + 1 == len(dilations)
        for i in range(m):
            before = offsets[2, i]
            for c in range(_CHANNELS):
                value = max(flat[before + c] + mixed[i * _CHANNELS + c], np.float32(0.0))
                if last:
                    wide[i * _CHANNELS + c] = value
                else:
                    flat[places[i] + c] = value
    raw = np.empty(m * _HEADS, np.float32)
    for i in range(m):
        places[i] = i * _HEADS
    affine(wide, rows_of, weights, at, _CHANNELS, _HEADS, NO_FLOOR, raw, places)
    for s in range(n_streams):
        for i in range(n):
            for k in range(SLOT_ROWS + _QUALITY):
                told[s, k, i] = np.float32(1.0) / (np.float32(1.0) + np.exp(-raw[(s * n + i) * _HEADS + k]))


def _kept() -> Offsets:
    """Tell where in a state without used room each number of ONNX's states lies, in their order: channel by channel."""
    lie = []
    for at, past, n, _ in _LAYOUT[:-1]:
        lie.append((at + np.arange(past * n).reshape(past, n)).T.ravel())
    return np.concatenate(lie)


_KEPT = _kept()


class QrsNetwork(Network):
    """The QRS network."""

    state_size = int(_LAYOUT[-1, 0])

    def __init__(self, tensors: Tensors) -> None:
        convolutions = [(f"stem.{k}.conv", (n_out, n_in, 1, taps)) for k, (taps, n_in, n_out) in enumerate(_STEM)]
        for k in range(len(_DILATIONS)):
            convolutions.append((f"blocks.{k}.wide.conv", (_CHANNELS, _CHANNELS, 1, 3)))
            convolutions.append((f"blocks.{k}.mix", (_CHANNELS, _CHANNELS, 1, 1)))
        convolutions.append(("heads", (SLOT_ROWS + _QUALITY, _CHANNELS, 1, 1)))
        self._weights = packed(convolution(tensors, f"network.{name}", shape) for name, shape in convolutions)

    def run(self, inputs: Sequence[Mapping[str, Array]], states: Array, rows: Offsets) -> dict[str, Array]:
        """Take a signal of each stream, (1, 2, 1, n_samples) with the same n_samples; give `qrs` and `quality`."""
        signal = np.stack([of_stream["signal"][0, :, 0].T for of_stream in inputs])
        told = self.look(signal, states, rows)[:, :, None]
        return {"qrs": told[:, :SLOT_ROWS], "quality": told[:, SLOT_ROWS:]}

    def look(self, signal: Array, states: Array, rows: Offsets) -> Array:
        """Take (n_streams, n_samples, 2) samples in C order; give `qrs` and below it `quality`, (n_streams, 18, n)."""
        n = signal.shape[1] // _SAMPLES
        if n <= ROOM:
            told = np.empty((len(rows), SLOT_ROWS + _QUALITY, n), np.float32)
            _run(signal, rows, states, self._weights, _LAYOUT, _DILATIONS, told)
            return told
        pieces = [signal[:, at * _SAMPLES : (at + ROOM) * _SAMPLES] for at in range(0, n, ROOM)]
        return np.concatenate([self.look(np.ascontiguousarray(piece), states, rows) for piece in pieces], axis=2)

    def saved(self, state: Array) -> bytes:
        """Give a stream's state as ONNX Runtime would hold it."""
        _make_room(state, _LAYOUT)
        return state[_KEPT].tobytes()

    def load(self, state: Array, saved: bytes) -> None:
        """Take what `saved` gave."""
        state[0] = 0.0
        state[_KEPT] = np.frombuffer(saved, np.float32)
