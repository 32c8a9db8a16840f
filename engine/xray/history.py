"""What a stream showed before: the previous frame and a slow average, both conditioned, beside the current one."""

from __future__ import annotations

import math

import msgspec
import numba
import numpy as np

from heartwire.engine.xray.conditioning import Array, Conditioned, Pixels, between, normalised, rows_about
from heartwire.engine.xray.patches import MARGIN_PX, PATCH_PX, PLANES, ZERO, Bytes, Patches, put_lines, to_byte

TIME_CONSTANT_S = 0.7
"""Of the slow average."""


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _follow_row(
    grey: Pixels, mean: Array, scale: Array, row: int, average: Array, gain: np.float32, now: Bytes, slow: Bytes
) -> None:
    """Bring the average (w,) up to date with a row of the frame; gives both in bytes. All in one pass: bytes cost."""
    above, below, weight = rows_about(row, len(mean))
    pixels, upper, lower, over, under = grey[row], mean[above], mean[below], scale[above], scale[below]
    for column in range(len(average)):
        local = between(upper[column], lower[column], weight)
        value = normalised(np.float32(pixels[column]), local, between(over[column], under[column], weight))
        average[column] += gain * (value - average[column])
        now[column], slow[column] = to_byte(value), to_byte(average[column])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _follow(
    grey: Pixels,
    mean: Array,
    scale: Array,
    average: Array,
    gain: np.float32,
    before: Bytes,
    patches: Patches,
    first: bool,
) -> None:
    """Fill the network's patches and bring the state up to date; before the `first` frame there is none."""
    height = len(grey)
    lines = np.full((PLANES, PATCH_PX, PATCH_PX * patches.shape[1]), ZERO, np.uint8)
    for place in range(-(-(height + MARGIN_PX) // PATCH_PX)):
        for within in range(PATCH_PX):
            row = PATCH_PX * place + within - MARGIN_PX
            now, past, slow = lines[0, within], lines[1, within], lines[2, within]
            if not 0 <= row < height:
                now[:] = past[:] = slow[:] = ZERO
                continue
            _follow_row(grey, mean, scale, row, average[row], gain, now[MARGIN_PX:], slow[MARGIN_PX:])
            line = before[row]
            for k in range(len(line)):  # slices take numba several times as long
                past[k] = now[k] if first else line[k]
                line[k] = now[k]
        put_lines(lines, patches[place])


class _State(msgspec.Struct):
    """What a history is restored from."""

    at_s: float
    shape: tuple[int, int]
    average: bytes
    before: bytes


class History:
    """The past of one stream's conditioned frames.

    The average is exponential with a time constant of 0.7 s and begins with the first frame, on which all planes are
    the same.
    """

    def __init__(self) -> None:
        self._at_s = 0.0
        self._average: Array = np.empty((0, 0), np.float32)
        self._before: Bytes = np.empty((0, 0), np.uint8)
        """The frame before, in lines of bytes."""

    def fill(self, current: Conditioned, at_s: float, patches: Patches) -> None:
        """Fill `patches` with the current frame, the one before and the average, and remember.

        Parameters
        ----------
        at_s
            The frame's time from the start of the stream.
        """
        shape = current.grey.shape
        first = shape != self._average.shape
        if first:
            self._average = np.zeros(shape, np.float32)
            self._before = np.empty((shape[0], PATCH_PX * patches.shape[1]), np.uint8)
        gain = 1.0 if first else 1.0 - math.exp(-max(0.0, at_s - self._at_s) / TIME_CONSTANT_S)
        _follow(*current, self._average, np.float32(gain), self._before, patches, first)
        self._at_s = at_s

    def forget(self) -> None:
        """Begin anew: the next frame is a first one."""
        self._average, self._before = np.empty((0, 0), np.float32), np.empty((0, 0), np.uint8)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        height, width = self._average.shape
        state = _State(self._at_s, (height, width), self._average.tobytes(), self._before.tobytes())
        return msgspec.msgpack.encode(state)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        kept = msgspec.msgpack.decode(state, type=_State)
        self._at_s = kept.at_s
        self._average = np.frombuffer(kept.average, np.float32).reshape(kept.shape).copy()
        self._before = np.frombuffer(kept.before, np.uint8).reshape(kept.shape[0], -1 if kept.before else 0).copy()
