"""What a stream showed before: the previous frame and a slow average, both conditioned, beside the current one."""

from __future__ import annotations

import math

import msgspec
import numba
import numpy as np

from heartwire.engine.xray.conditioning import Array

TIME_CONSTANT_S = 0.7
"""Of the slow average."""


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _follow(current: Array, previous: Array, average: Array, gain: np.float32, planes: Array) -> None:
    """Fill the network's planes (3, h, w) and bring the state up to date."""
    height, width = current.shape
    for row in range(height):
        for column in range(width):
            value = current[row, column]
            planes[0, row, column] = value
            planes[1, row, column] = previous[row, column]
            mean = average[row, column] + gain * (value - average[row, column])
            planes[2, row, column] = mean
            average[row, column] = mean
            previous[row, column] = value


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

    def fill(self, current: Array, at_s: float, planes: Array) -> None:
        """Fill `planes` (3, h, w) with the current frame (h, w), the one before and the average, and remember.

        Parameters
        ----------
        at_s
            The frame's time from the start of the stream.
        """
        if current.shape != self._previous.shape:
            self._previous, self._average = current.copy(), current.copy()
        gain = 1.0 - math.exp(-max(0.0, at_s - self._at_s) / TIME_CONSTANT_S)
        _follow(current, self._previous, self._average, np.float32(gain), planes)
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
