"""High-degree atrioventricular block: more P waves than QRS complexes, at a regular interval of their own.

While the ventricles are slow, the last ten seconds before each beat are searched, lead by lead. The usual QRS complex
and T wave are taken away, the complexes themselves are blanked, and what is left is matched with the shape of a P wave.
Of all trains of steady interval, clearly shorter than that of the ventricles, the best is found by dynamic programming:
P waves may wander as sinus rhythm does. A train is atrial activity where nearly all of its places carry a wave that
stands out of everything else that is left; where P waves come with the beats alone, every second place is empty.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from heartwire.engine.messages import FloatArray

_THINNED = 4
_HZ = 250.0 / _THINNED
_WINDOW = 625
"""Points searched: 10 s."""
_BUFFER = 768
MOST_WAITING = 512
"""Samples that may wait for the next beat before they are pushed."""
_SLOW_S = 1.2
"""Median interval of the ventricles from which on they are slow."""
_FEWEST_BEATS = 4
_INTERVALS_S = (0.42, 1.2)
_STEP_S = 0.03
_WANDER = 0.1
_FASTER = 1.3
"""The atria's interval is the ventricles' divided by this at most."""
_QRS = (4, 7)
"""Points blanked before and after R: 64 and 112 ms."""
_QRST = (5, 32)
"""Points of the usual complex and T wave about R: 80 and 512 ms."""
_MOST_OF_RR = 0.62
_AWAY = 5
_FEWEST_WAVES = 5
_SEEN_SHARE = 0.55
_STANDS_OUT = 1.3
_OF_QRS = 0.5
"""A P wave is smaller than this part of the QRS complex, both matched with a P wave: else beats were missed."""
_ALIKE = 0.8
"""Mean correlation of the waves of a train."""
_JUDGED = 8
_BEGINS, _ENDS = 6, 2
"""Of the last eight beats so many must show it for a begin, and no more for an end."""
_HIDDEN_S = 60.0
"""Where no beat can be judged for so long, as when packets are lost all the time, block is not known any more."""

_Doubles = npt.NDArray[np.float64]


def _matched() -> _Doubles:
    """Give the filter: a P wave less the slower waves about it."""
    t = np.arange(-12, 13) / _HZ
    wave, about = np.exp(-0.5 * (t / 0.022) ** 2), np.exp(-0.5 * (t / 0.07) ** 2)
    shape = wave / wave.sum() - about / about.sum()
    filtered: _Doubles = shape / np.sqrt((shape**2).sum())
    return filtered


_P_WAVE = _matched()


class AvBlock(NamedTuple):
    """P waves outnumber the beats, since a beat at a grid sample, at so many a minute each."""

    since: int
    atrial_bpm: float
    ventricular_bpm: float


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _train(y: _Doubles, shortest: int, longest: int, places: npt.NDArray[np.int64]) -> int:
    """Find the train of places with the greatest sum that goes on to the end; give how many places it has."""
    n = len(y)
    total = np.empty(n)
    before = np.full(n, -1)
    for i in range(n):
        total[i] = y[i]
        if i >= shortest:
            best = i - shortest
            for k in range(i - min(longest, i), i - shortest):
                if total[k] > total[best]:
                    best = k
            total[i] += total[best]
            before[i] = best
    k = n - longest + int(np.argmax(total[n - longest :]))
    count = 0
    while k >= 0:
        places[count] = k
        count += 1
        k = before[k]
    return count


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _quantile(values: _Doubles, share: float) -> float:
    """Give the value below which so much lies: that of the library takes ten times as long to compile."""
    return float(np.sort(values)[int(share * (len(values) - 1))])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _alike(y: _Doubles, places: npt.NDArray[np.int64]) -> float:
    """Tell how alike the waves at some places are: the mean correlation of all pairs."""
    n_points = 2 * _AWAY + 1
    total = np.zeros(n_points)
    n = 0
    for k in places:
        if _AWAY <= k < len(y) - _AWAY:
            wave = y[k - _AWAY : k + _AWAY + 1] - np.mean(y[k - _AWAY : k + _AWAY + 1])
            total += wave / max(np.sqrt(np.sum(wave**2)), 1e-9)
            n += 1
    # The length of the sum of unit waves holds the products of all pairs.
    return float((np.sum(total**2) - n) / (n * (n - 1))) if n > 1 else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _atrial_interval(y: _Doubles, blank: npt.NDArray[np.bool_], qrs: float, longest_s: float) -> tuple[float, float]:
    """Give how far the best train stands out, and its interval in points."""
    places = np.empty(len(y), np.int64)
    stands_out, interval = 1.0, 0.0
    floor = _quantile(np.abs(y)[~blank], 0.5)
    for sign in (1.0, -1.0):
        z = np.maximum(sign * y, -1.5 * floor)
        for step in range(int((longest_s - _INTERVALS_S[0]) / _STEP_S) + 1):
            mean = (_INTERVALS_S[0] + step * _STEP_S) * _HZ
            n = _train(z, int(mean * (1.0 - _WANDER)), int(np.ceil(mean * (1.0 + _WANDER))), places)
            chosen = places[:n]
            seen = z[chosen][~blank[chosen]]
            if len(seen) < _FEWEST_WAVES or len(seen) < _SEEN_SHARE * n or _quantile(seen, 0.5) > _OF_QRS * qrs:
                continue
            # All but a fifth of the waves are so large; the rest can lie no lower than its median does.
            size = _quantile(seen, 0.2)
            if size <= stands_out * floor:
                continue
            rest = ~blank
            for k in chosen:
                rest[max(0, k - _AWAY) : k + _AWAY + 1] = False
            if rest.sum() < 60:
                continue
            other = _quantile(np.abs(y[rest]), 0.95)
            found = size / max(other, 1e-4)
            if found > stands_out and _alike(y, chosen[~blank[chosen]]) >= _ALIKE:
                stands_out, interval = found, (chosen[0] - chosen[n - 1]) / (n - 1)
    return stands_out, interval


def _without_beats(wave: _Doubles, beats: npt.NDArray[np.int64], after: int) -> _Doubles:
    """Take the usual QRS complex and T wave, (after R so many points), out of one lead."""
    before = _QRST[0]
    whole = [wave[r - before : r + after] for r in beats if r >= before and r + after <= len(wave)]
    usual = np.median(whole, axis=0)
    # What lies below it stays, so that nothing jumps at its ends.
    usual = usual - np.linspace(usual[:2].mean(), usual[-2:].mean(), len(usual))
    left = wave.copy()
    for r in beats:
        first, end = max(r - before, 0), min(r + after, len(wave))
        left[first:end] -= usual[first - r + before : end - r + before]
    return left


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _thin(samples: FloatArray, points: FloatArray, n_points: int, rest: FloatArray, n_rest: int) -> tuple[int, int]:
    """Put the means of samples into the last points; give how many points and samples of the next there are then."""
    n_new = (n_rest + len(samples)) // _THINNED
    kept = max(_BUFFER - n_new, 0)
    for i in range(kept):
        for lead in range(2):
            points[i, lead] = points[i + _BUFFER - kept, lead]
    at = kept - max(n_new - _BUFFER, 0)
    for i in range(len(samples)):
        for lead in range(2):
            rest[n_rest, lead] = samples[i, lead]
        n_rest += 1
        if n_rest == _THINNED:
            n_rest = 0
            if at >= 0:
                for lead in range(2):
                    total = rest[0, lead]
                    for k in range(1, _THINNED):
                        total += rest[k, lead]
                    points[at, lead] = total / np.float32(_THINNED)
            at += 1
    return n_points + n_new, n_rest


class ConductionMeter:
    """Follows atria and ventricles of one stream."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh meter."""
        self._points: FloatArray = np.zeros((_BUFFER, 2), np.float32)
        self._n_points = 0
        self._rest: FloatArray = np.zeros((_THINNED, 2), np.float32)
        self._n_rest = 0
        self.forget(0.0)

    def interrupt(self, until: float) -> None:
        """Look at nothing before a grid sample: what was known stays known until beats after it speak against it."""
        self._beats: list[float] = []
        self._since = int(until / _THINNED) + 1
        self._shown: list[int] = []
        """Of the last beats that could be judged, those that showed block: the grid sample, -1 for the others."""

    def forget(self, until: float) -> None:
        """Forget what was known, and look at nothing before a grid sample."""
        self.interrupt(until)
        self.block: AvBlock | None = None
        self._judged_at = until / _THINNED

    @property
    def n(self) -> int:
        """Samples taken so far."""
        return _THINNED * self._n_points + self._n_rest

    def push(self, samples: FloatArray) -> None:
        """Take the next conditioned samples, (n_samples, at least 2) mV at 250 Hz, of which two leads count.

        They go up to where the next beat is decided.
        """
        self._n_points, self._n_rest = _thin(samples, self._points, self._n_points, self._rest, self._n_rest)

    def beat(self, at: float) -> None:
        """Take the next beat, its R peak on the 250 Hz grid; `block` tells what is known then."""
        now = at / _THINNED
        self._beats = [beat for beat in self._beats if beat > now - _WINDOW] + [now]
        if not self._can_judge(now):
            if now - self._judged_at > _HIDDEN_S * _HZ:
                self.block = None
            return
        self._judged_at = now
        found = self._search(now)
        self._shown = [*self._shown[1 - _JUDGED :], round(at) if found else -1]
        shown = [sample for sample in self._shown if sample >= 0]
        if len(self._shown) - len(shown) >= _JUDGED - _ENDS:
            self.block = None
        elif found and (self.block or len(shown) >= _BEGINS):
            self.block = AvBlock(self.block.since if self.block else shown[0], *found)

    def _can_judge(self, now: float) -> bool:
        """Tell whether the whole window before a beat is known, and holds beats enough."""
        begin = int(now) - _WINDOW
        return len(self._beats) >= _FEWEST_BEATS and begin >= self._since and begin >= self._n_points - _BUFFER

    def _search(self, now: float) -> tuple[float, float] | None:
        """Give the rates of atria and ventricles, where the atria are faster."""
        begin = int(now) - _WINDOW
        rr_s = median(b - a for a, b in pairwise(self._beats)) / _HZ
        if rr_s < _SLOW_S:
            return None
        beats = np.array(self._beats)
        first = begin - (self._n_points - _BUFFER)
        window = self._points[first : first + _WINDOW].astype(np.float64)
        places = np.round(beats).astype(np.int64) - begin
        after = min(_QRST[1], int(_MOST_OF_RR * rr_s * _HZ))
        blank = np.zeros(_WINDOW, np.bool_)
        blank[:3] = blank[-3:] = True
        for r in places:
            blank[max(r - _QRS[0], 0) : r + _QRS[1]] = True
        best = 0.0, 0.0
        for lead in range(2):
            if not np.ptp(window[:, lead]):
                continue
            qrs = np.convolve(window[:, lead], _P_WAVE, "same")
            size = float(np.median([np.abs(qrs[max(r - 4, 0) : r + 5]).max() for r in places]))
            left = np.convolve(_without_beats(window[:, lead], places, after), _P_WAVE, "same")
            left[blank] = 0.0
            best = max(best, _atrial_interval(left, blank, size, min(_INTERVALS_S[1], rr_s / _FASTER)))
        if best[0] < _STANDS_OUT:
            return None
        return round(60.0 * _HZ / best[1], 1), round(60.0 / rr_s, 1)

    def warm_up(self) -> None:
        """Go once through what is compiled at first use: a slow rhythm in noise."""
        self.push(np.random.default_rng(0).normal(0.0, 0.1, (3500, 2)).astype(np.float32))
        for at in range(100, 3400, 330):
            self.beat(at)
        self.reset()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        arrays = self._points.tobytes(), self._rest[: self._n_rest].tobytes()
        judged = self._shown, self._judged_at, self.block
        return msgspec.msgpack.encode((*arrays, self._n_points, self._since, self._beats, *judged))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        layout = tuple[bytes, bytes, int, int, list[float], list[int], float, AvBlock | None]
        kept = msgspec.msgpack.decode(state, type=layout)
        points, rest, self._n_points, self._since, self._beats, self._shown, self._judged_at, self.block = kept
        self._points = np.frombuffer(points, np.float32).reshape(-1, 2).copy()
        of_rest = np.frombuffer(rest, np.float32).reshape(-1, 2)
        self._n_rest = len(of_rest)
        self._rest[: self._n_rest] = of_rest
