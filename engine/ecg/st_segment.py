"""ST level of each lead: how far the signal lies above the isoelectric line shortly after the QRS complex.

The points are fixed from the R peak, as bedside monitors have them: the isoelectric one 80 ms before it, J 48 ms after
it, ST 80 ms after J, or 60 ms above 120 beats a minute (A. Taddei et al., The European ST-T database, Eur. Heart J.
13:1164, 1992). They are read in the signal as it came, for the high-pass of the conditioned one would bend the ST
segment; what the baseline does meanwhile goes with the difference, and with the median over the last beats.
"""

from __future__ import annotations

from collections import deque

import msgspec
import numpy as np
from numba import njit

from heartwire.engine.ecg.rate import LONGEST_INTERVAL_S
from heartwire.engine.messages import FloatArray

EVERY_S = 10.0
"""How often the levels are told."""
_KEPT_S = 15.0
_LEAST_BEATS = 5
_ISOELECTRIC_S, _J_S = -0.08, 0.048
_AFTER_J_S, _AFTER_J_FAST_S, _FAST_RR_S = 0.08, 0.06, 0.5
_HALF_S = 0.008
"""The signal is averaged so far to both sides of a point."""
_MARGIN_S = 0.2


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _add(part: FloatArray, begin: int, end: int, total: FloatArray) -> None:
    for i in range(begin, end):
        for lead in range(len(total)):
            total[lead] += part[i, lead]


class _State(msgspec.Struct):
    parts: list[tuple[int, bytes]]
    last: int | None
    last_normal: bool
    due: int | None
    levels: list[tuple[int, list[float]]]


class StMeter:
    """The ST levels of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.
    n_leads
        Leads.
    """

    def __init__(self, rate_hz: float, n_leads: int) -> None:
        self._rate_hz = rate_hz
        self._n_leads = n_leads
        self._parts: deque[tuple[int, FloatArray]] = deque()
        """The signal since the last beat, as it came."""
        self._last: int | None = None
        self._last_normal = False
        self._due: int | None = None
        self._levels: deque[tuple[int, list[float]]] = deque()

    def push(self, first: int, samples: FloatArray) -> None:
        """Take samples (n_samples, n_leads) in mV from the number `first` on; they are kept, not copied."""
        parts = self._parts
        parts.append((first, samples))
        oldest = first - LONGEST_INTERVAL_S * self._rate_hz
        if self._last is not None:
            oldest = max(oldest, self._last - _MARGIN_S * self._rate_hz)
        while parts[0][0] + len(parts[0][1]) <= oldest:
            parts.popleft()

    def revise(self, normal: bool) -> None:
        """Take another verdict on the last beat."""
        self._last_normal = normal

    def beat(self, sample: int, normal: bool) -> tuple[tuple[float | None, ...], int] | None:
        """Take the R peak of a beat and whether it is a normal one; the beat before it is measured.

        Returns
        -------
        Where it is time to tell them, the level of each lead in mV (None where it is not known) and the number of beats
        they rest on.
        """
        last, rate_hz = self._last, self._rate_hz
        if last is not None and self._last_normal and 0 < sample - last <= LONGEST_INTERVAL_S * rate_hz:
            fast = sample - last < _FAST_RR_S * rate_hz
            level = self._mean(last, _J_S + (_AFTER_J_FAST_S if fast else _AFTER_J_S))
            self._levels.append((last, (level - self._mean(last, _ISOELECTRIC_S)).tolist()))
        self._last, self._last_normal = sample, normal
        if self._due is None:
            self._due = sample + round(EVERY_S * rate_hz)
        if sample < self._due:
            return None
        self._due = sample + round(EVERY_S * rate_hz)
        while self._levels and self._levels[0][0] < sample - _KEPT_S * rate_hz:
            self._levels.popleft()
        if len(self._levels) < _LEAST_BEATS:
            return None
        known = [[v for _, levels in self._levels if (v := levels[lead]) == v] for lead in range(self._n_leads)]
        told = tuple(round(float(np.median(v)), 3) if len(v) >= _LEAST_BEATS else None for v in known)
        return told, len(self._levels)

    def _mean(self, r: int, after_s: float) -> FloatArray:
        """Give the mean of the signal about a point after an R peak, NaN where it is not all there."""
        centre, half = r + round(after_s * self._rate_hz), round(_HALF_S * self._rate_hz)
        begin, end = centre - half, centre + half + 1
        total, n = np.zeros(self._n_leads, np.float32), 0
        for first, part in self._parts:
            if first >= end:
                break
            if first + len(part) > begin:
                here = max(begin - first, 0), min(end - first, len(part))
                _add(part, *here, total)
                n += here[1] - here[0]
        return total / np.float32(n) if n == end - begin else np.full(self._n_leads, np.nan, np.float32)

    def interrupt(self) -> None:
        """Take note that samples are missing: the beat before them is not measured."""
        self._last = None

    def snapshot(self) -> bytes:
        """Give the whole state."""
        parts = [(first, part.tobytes()) for first, part in self._parts]
        return msgspec.msgpack.encode(_State(parts, self._last, self._last_normal, self._due, list(self._levels)))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same rate and number of leads."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._parts = deque(
            (first, np.frombuffer(raw, np.float32).reshape(-1, self._n_leads).copy()) for first, raw in s.parts
        )
        self._last, self._last_normal, self._due = s.last, s.last_normal, s.due
        self._levels = deque(s.levels)
