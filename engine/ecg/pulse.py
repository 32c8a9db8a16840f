"""Pulses of a pressure or plethysmogram channel, sample by sample, in whatever unit the channel has.

The slope sum function (W. Zong, T. Heldt, G. B. Moody and R. G. Mark, Computers in Cardiology 30:259, 2003) turns each
upstroke into a hump: the sum of the rises over the last 128 ms. A pulse is a hump above 0.4 of those usual of late; it
lies where the hump begins, and is told where the hump has fallen to half. A few numbers carried from sample to sample
are the whole state, so that the cutting into messages cannot matter.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.signal import butter

from heartwire.engine.messages import FloatArray

LOW_PASS_HZ = 10.0
SUM_S = 0.128
"""Rises are summed over so long."""
USUAL = 8
"""Pulses whose median height is the usual one."""

_THRESHOLD = 0.4
_TOLD_AT = 0.5
_REFRACTORY_S = 0.24
_LONGEST_RISE_S = 0.5
_FADES_AFTER_S = 4.0
_FADES_S = 4.0
_LEARN_S = 2.0
_RING = 512

_Doubles: TypeAlias = npt.NDArray[np.float64]


class Pulse(NamedTuple):
    """One pulse: the sample at which its upstroke begins, the last sample that telling it needed, and its height.

    The height is that of the slope sum, in the unit of the channel; `share` is it over the usual one.
    """

    sample: int
    decided_at: int
    height: float
    share: float


# Places in the state.
_N, _Y1, _X1, _S1, _S2, _SUM, _ARMED, _BEGIN, _TOP, _LAST, _LEARNED, _COUNT = range(12)
_SIZE = 12


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _follow(
    source: FloatArray,
    rate_hz: float,
    filt: _Doubles,
    state: _Doubles,
    ring: _Doubles,
    heights: _Doubles,
    out: _Doubles,
) -> int:
    """Run over samples; give the number of pulses written to `out`: begin, decision, height, share."""
    width = max(1, int(SUM_S * rate_hz))
    b0, b1, b2, a1, a2 = filt[0], filt[1], filt[2], filt[4], filt[5]
    found = 0
    usual_of = np.empty(USUAL)
    for i in range(len(source)):
        n = int(state[_N])
        x = np.float64(source[i])
        if not np.isfinite(x):
            x = state[_X1]
        elif n == 0 or not np.isfinite(state[_X1]):
            # Start as if the signal had always been there.
            state[_S1] = x * (1.0 - b0)
            state[_S2] = x * (b2 - a2)
            state[_Y1] = x
        if not np.isfinite(x):
            state[_N] += 1
            state[_X1] = x
            continue
        state[_X1] = x
        y = b0 * x + state[_S1]
        state[_S1] = b1 * x - a1 * y + state[_S2]
        state[_S2] = b2 * x - a2 * y
        rise = max(0.0, y - state[_Y1])
        state[_Y1] = y
        state[_SUM] += rise - ring[n % width]
        ring[n % width] = rise
        if n % width == 0:
            # The running sum is made anew now and then, so that rounding does not pile up.
            state[_SUM] = ring[:width].sum()
        total = state[_SUM]
        count = int(state[_COUNT])
        filled = min(count, USUAL)
        if filled:
            usual_of[:filled] = heights[:filled]
            usual_of[:filled].sort()
            usual = usual_of[filled // 2]
        else:
            state[_LEARNED] = max(state[_LEARNED], total)
            usual = state[_LEARNED]
        threshold = _THRESHOLD * usual
        silent = n - state[_LAST] - _FADES_AFTER_S * rate_hz
        if silent > 0:
            threshold *= np.exp(-silent / (_FADES_S * rate_hz))
        if state[_ARMED] == 0.0:
            ready = count > 0 or n >= _LEARN_S * rate_hz
            if ready and total > threshold and total > 0.0 and n - state[_LAST] >= _REFRACTORY_S * rate_hz:
                state[_ARMED] = 1.0
                state[_BEGIN] = n
                state[_TOP] = total
        else:
            state[_TOP] = max(state[_TOP], total)
            if total < _TOLD_AT * state[_TOP]:
                height = state[_TOP]
                out[found, 0] = state[_BEGIN]
                out[found, 1] = n
                out[found, 2] = height
                out[found, 3] = height / usual if usual > 0.0 else 1.0
                found += 1
                heights[count % USUAL] = height
                state[_COUNT] += 1
                state[_LAST] = state[_BEGIN]
                state[_ARMED] = 0.0
            elif n - state[_BEGIN] > _LONGEST_RISE_S * rate_hz:
                state[_ARMED] = 0.0
                state[_LAST] = n
        state[_N] += 1
    return found


class _State(msgspec.Struct):
    rate_hz: float
    state: bytes
    ring: bytes
    heights: bytes


class PulseDetector:
    """Finds the pulses of one channel.

    Parameters
    ----------
    rate_hz
        Samples a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self._rate_hz = rate_hz
        self._filter = np.concatenate(butter(2, LOW_PASS_HZ, fs=rate_hz)).astype(np.float64)
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh detector."""
        self._state = np.zeros(_SIZE)
        self._state[_X1] = np.nan
        self._ring = np.zeros(_RING)
        self._heights = np.zeros(USUAL)

    def process(self, samples: FloatArray) -> list[Pulse]:
        """Take the next samples, (n_samples,), NaN where invalid; give the pulses that they complete.

        Samples of a pulse count from the first one taken.
        """
        out = np.empty((int(len(samples) / (_REFRACTORY_S * self._rate_hz)) + 2, 4))
        n = _follow(samples, self._rate_hz, self._filter, self._state, self._ring, self._heights, out)
        return [Pulse(int(begin), int(at), height, share) for begin, at, height, share in out[:n].tolist()]

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(
            _State(self._rate_hz, self._state.tobytes(), self._ring.tobytes(), self._heights.tobytes())
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same rate."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._state = np.frombuffer(s.state).copy()
        self._ring = np.frombuffer(s.ring).copy()
        self._heights = np.frombuffer(s.heights).copy()
