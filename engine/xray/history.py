"""What a stream showed before: the previous frame and a slow average, both conditioned, beside the current one."""

from __future__ import annotations

import math

import msgspec
import numba
import numpy as np

from heartwire.engine.xray.conditioning import Array
from heartwire.engine.xray.patches import Patches, put_row

TIME_CONSTANT_S = 0.7
"""Of the slow average."""


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _follow(current: Array, previous: Array, average: Array, gain: np.float32, patches: Patches) -> None:
    """Fill the network's patches and bring the state up to date."""
    for row in range(len(current)):
        for column in range(current.shape[1]):
            average[row, column] += gain * (current[row, column] - average[row, column])
        put_row(current[row], 0, row, patches)
        put_row(previous[row], 1, row, patches)
        put_row(average[row], 2, row, patches)
        previous[row] = current[row]


class _State(msgspec.Struct):
    """What a history is restored from."""

    at_s: float
    shape: tuple[int, int]
    previous: bytes
    average: bytes


class History:
    """The past of one stream's conditioned frames.

    The average is exponential with a time constant of 0.7 s and begins with the first frame, on which all planes are
    the same.
    """

    def __init__(self) -> None:
        self._at_s = 0.0
        self._previous = self._average = np.empty((0, 0), np.float32)

    def fill(self, current: Array, at_s: float, patches: Patches) -> None:
        """Fill `patches` with the current frame (h, w), the one before and the average, and remember.

        Parameters
        ----------
        at_s
            The frame's time from the start of the stream.
        """
        if current.shape != self._previous.shape:
            self._previous, self._average = current.copy(), current.copy()
        gain = 1.0 - math.exp(-max(0.0, at_s - self._at_s) / TIME_CONSTANT_S)
        _follow(current, self._previous, self._average, np.float32(gain), patches)
        self._at_s = at_s

    def forget(self) -> None:
        """Begin anew: the next frame is a first one."""
        self._previous = self._average = np.empty((0, 0), np.float32)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        shape = (self._previous.shape[0], self._previous.shape[1])
        state = _State(self._at_s, shape, self._previous.tobytes(), self._average.tobytes())
        return msgspec.msgpack.encode(state)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        kept = msgspec.msgpack.decode(state, type=_State)
        self._at_s = kept.at_s
        self._previous = np.frombuffer(kept.previous, np.float32).reshape(kept.shape).copy()
        self._average = np.frombuffer(kept.average, np.float32).reshape(kept.shape).copy()
