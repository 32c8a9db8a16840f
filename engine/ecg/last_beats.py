"""The last beats in numbers, as the fibrillation network sees them: how irregular, what classes, what before the QRS.

Intervals that begin or end with a ventricular beat do not count: ectopy is no fibrillation.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

N_BEATS = 30
"""Beats in a window."""
P_POINTS = 20
"""Points of the wave before R, each of 16 ms, from 368 ms to 48 ms: the P wave, or what stands in its place."""
LEADS = 2
CHANNELS = 2 * LEADS
"""Both leads, and the difference of each from the patient's usual beat."""
SHORTEST_S, LONGEST_S = 0.2, 3.0
"""RR intervals outside of these are no intervals: a false beat, or beats that were not found."""
OTHER, VENTRICULAR, SUPRAVENTRICULAR, ABSENT = range(4)
KINDS = {"V": VENTRICULAR, "F": VENTRICULAR, "S": SUPRAVENTRICULAR}
"""Kind of a beat by its AAMI class; the rest is `OTHER`."""
OF_ATRIA = 4
"""Numbers that `atrial` gives."""
N_IRREGULAR = 27
FEATURES = N_IRREGULAR + OF_ATRIA + P_POINTS
"""Numbers of a window: of the intervals and classes, of the atria, and the usual wave before R."""

_QUANTILES = (0.25, 0.5, 0.75)
_CHANGES = (0.03, 0.06, 0.1, 0.2)
_LAGS = (2, 3, 4)
_TOLERANCES_S = (0.03, 0.06)
_CELL_S, _CELLS = 0.025, 24
_BIN = 0.08
_LEAST = 1e-5
_SLOPE = np.linspace(-1.0, 1.0, P_POINTS, dtype=np.float32)
_SLOPE /= np.linalg.norm(_SLOPE)

Array: TypeAlias = npt.NDArray[np.float32]
Flags: TypeAlias = npt.NDArray[np.bool_]
Kinds: TypeAlias = npt.NDArray[np.uint8]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _thin(wave: Array, points: Array) -> None:
    for row in range(len(points)):
        mean = slope = np.float32(0.0)
        for k in range(P_POINTS):
            points[row, k] = np.float32(0.5) * (wave[row, 2 * k] + wave[row, 2 * k + 1])
            mean += points[row, k]
        mean /= np.float32(P_POINTS)
        for k in range(P_POINTS):
            points[row, k] -= mean
            slope += points[row, k] * _SLOPE[k]
        for k in range(P_POINTS):
            points[row, k] -= slope * _SLOPE[k]


def thinned(wave: Array) -> Array:
    """Take the beginning of beats, (..., at least 2 * P_POINTS) at 125 Hz, to P_POINTS, level and slope taken away."""
    points = np.empty((*wave.shape[:-1], P_POINTS), np.float32)
    _thin(np.ascontiguousarray(wave).reshape(-1, wave.shape[-1]), points.reshape(-1, P_POINTS))
    return points


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _look(points: Array, told: Array, usual: Array) -> None:
    """Say how one wave looks beside the usual one, and what the usual one is: see `atrial`."""
    told[:] = 0.0
    usual[:] = 0.0
    n_leads = 0
    for lead in range(LEADS):
        if not np.any(points[lead]):
            continue
        n_leads += 1
        peak = both = now_power = usual_power = apart_power = 0.0
        for k in range(P_POINTS):
            now, apart = points[lead, k], points[LEADS + lead, k]
            at_usual = now - apart
            peak = at_usual if abs(at_usual) > abs(peak) else peak
            both += now * at_usual
            now_power += now * now
            usual_power += at_usual * at_usual
            apart_power += apart * apart
        up = -1.0 if peak < 0.0 else 1.0
        for k in range(P_POINTS):
            usual[k] += up * (points[lead, k] - points[LEADS + lead, k])
        told[0] += both / np.sqrt(now_power * usual_power + (P_POINTS * _LEAST) ** 2)
        told[1] += 0.4 * np.log(usual_power / P_POINTS + _LEAST) + 3.0
        told[2] += 0.4 * np.log(apart_power / P_POINTS + _LEAST) + 3.0
    if n_leads:
        told /= n_leads
        usual /= n_leads
        told[3] = 1.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _looks(points: Array, told: Array, usual: Array) -> None:
    for k in range(len(points)):
        _look(points[k], told[k], usual[k])


def atrial(waves: Array) -> tuple[Array, Array]:
    """Say how the wave before R looks beside the usual one.

    Parameters
    ----------
    waves
        (..., CHANNELS, P_POINTS), thinned; zeros for a lead that is not there.

    Returns
    -------
    (..., OF_ATRIA): how like the usual wave it is; how large the usual one, and the difference, are against the QRS
    complex; whether there is a signal. And the usual wave, (..., P_POINTS), turned so that its peak is upward. Both are
    means of the leads that there are.
    """
    shape = waves.shape[:-2]
    told, usual = np.empty((*shape, OF_ATRIA), np.float32), np.empty((*shape, P_POINTS), np.float32)
    flat = np.ascontiguousarray(waves.reshape(-1, CHANNELS, P_POINTS))
    _looks(flat, told.reshape(-1, OF_ATRIA), usual.reshape(-1, P_POINTS))
    return told, usual


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _quantile(in_order: Array, n: int, q: float) -> float:
    return float(in_order[int(q * max(n - 1, 0))]) if n else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _distinct(cells: npt.NDArray[np.int64], n: int) -> float:
    """Give how many of the first `n` differ, against their number."""
    in_order = np.sort(cells[:n])
    different = min(n, 1)
    for k in range(1, n):
        different += in_order[k] != in_order[k - 1]
    return different / max(n, 1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _window(rr_s: Array, kinds: Kinds, told: Array) -> None:
    """Put one window into numbers: see `irregular`."""
    size = len(rr_s)
    valid = np.zeros(size, np.bool_)
    log, change = np.zeros(size, np.float32), np.zeros(size, np.float32)
    logs, changes = np.empty(size, np.float32), np.empty(size, np.float32)
    n = n_pairs = n_beats = n_ventricular = n_supraventricular = 0
    for k in range(size):
        n_beats += kinds[k] != ABSENT
        n_ventricular += kinds[k] == VENTRICULAR
        n_supraventricular += kinds[k] == SUPRAVENTRICULAR
        if kinds[k] in (ABSENT, VENTRICULAR) or not SHORTEST_S <= rr_s[k] <= LONGEST_S:
            continue
        if k and kinds[k - 1] == VENTRICULAR:
            continue
        valid[k] = True
        log[k] = np.log(rr_s[k])
        logs[n] = log[k]
        n += 1
        if k and valid[k - 1]:
            change[k] = abs(log[k] - log[k - 1])
            changes[n_pairs] = change[k]
            n_pairs += 1
    middle = _quantile(np.sort(logs[:n]), n, 0.5)
    in_order = np.sort(changes[:n_pairs])
    usual_change = np.sum(np.minimum(in_order, 0.3)) / max(n_pairs, 1)
    for k, q in enumerate(_QUANTILES):
        told[k] = np.log(_quantile(in_order, n_pairs, q) + 0.01)
    told[3] = np.log(usual_change + 0.01)
    from_middle = logs[:n] - middle
    told[4] = np.log(np.sum(np.minimum(np.abs(from_middle), 0.5)) / max(n, 1) + 0.01)
    for k, least in enumerate(_CHANGES):
        told[5 + k] = np.sum(in_order > least) / max(n_pairs, 1)
    for k, lag in enumerate(_LAGS):
        total, both = 0.0, 0
        for i in range(lag, size):
            if valid[i] and valid[i - lag]:
                total += min(abs(log[i] - log[i - lag]), 0.3)
                both += 1
        told[9 + k] = np.log((total / max(both, 1) + 0.01) / (usual_change + 0.01))
    for k, tolerance_s in enumerate(_TOLERANCES_S):
        share = _again(rr_s, valid, tolerance_s)
        told[12 + 2 * k] = np.log(2.0 * tolerance_s) - np.log(share) - middle
        told[13 + 2 * k] = share
    turns = n_triples = 0
    cells = np.empty(size, np.int64)
    for k in range(1, size - 1):
        if valid[k - 1] and valid[k] and valid[k + 1]:
            turns += (log[k] - log[k - 1]) * (log[k] - log[k + 1]) > 0.0
            before, after = _cell(rr_s[k] - rr_s[k - 1]), _cell(rr_s[k + 1] - rr_s[k])
            cells[n_triples] = after * 100 + before
            n_triples += 1
    told[16] = turns / max(n_triples, 1)
    told[17] = _distinct(cells, n_triples)
    for k in range(n):
        cells[k] = int(np.floor(logs[k] / _BIN))
    told[18] = _distinct(cells, n)
    told[19], told[20], told[21] = middle, n / size, n_pairs / size
    told[22], told[23] = n_ventricular / max(n_beats, 1), n_supraventricular / max(n_beats, 1)
    told[24] = n_beats / size
    told[25] = np.log(np.sum(np.maximum(-from_middle, 0.0)) / max(n, 1) + 0.01)
    told[26] = np.log(np.sum(np.maximum(from_middle, 0.0)) / max(n, 1) + 0.01)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cell(change_s: float) -> int:
    return int(min(max(np.round(change_s / _CELL_S), -_CELLS), _CELLS))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _again(rr_s: Array, valid: Flags, tolerance_s: float) -> float:
    """Give how often two like intervals are followed by two like ones (Lake and Moorman 2011, sample entropy)."""
    alike, again = 1.0, 0.5
    for i in range(len(rr_s) - 2):
        if not (valid[i] and valid[i + 1]):
            continue
        for j in range(i + 1, len(rr_s) - 1):
            if valid[j] and valid[j + 1] and abs(rr_s[i] - rr_s[j]) < tolerance_s:
                alike += 1.0
                again += abs(rr_s[i + 1] - rr_s[j + 1]) < tolerance_s
    return again / alike


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _windows(rr_s: Array, kinds: Kinds, told: Array) -> None:
    for k in range(len(rr_s)):
        _window(rr_s[k], kinds[k], told[k])


def irregular(rr_s: Array, kinds: Kinds) -> Array:
    """Say how irregular the beats are.

    Parameters
    ----------
    rr_s
        (..., N_BEATS) seconds since the beat before, oldest first, 0 where that is not known.
    kinds
        (..., N_BEATS), `ABSENT` before the first beat.

    Returns
    -------
    (..., N_IRREGULAR).
    """
    told = np.empty((*rr_s.shape[:-1], N_IRREGULAR), np.float32)
    flat = (np.ascontiguousarray(x.reshape(-1, N_BEATS)) for x in (rr_s, kinds))
    _windows(*flat, told.reshape(-1, N_IRREGULAR))
    return told


def describe(rr_s: Array, kinds: Kinds, of_atria: Array, usual: Array) -> Array:
    """Put a window into numbers.

    Parameters
    ----------
    rr_s, kinds
        Of `irregular`.
    of_atria
        (..., N_BEATS, OF_ATRIA) of `atrial`.
    usual
        (..., P_POINTS) of `atrial`.

    Returns
    -------
    (..., FEATURES).
    """
    there = (of_atria[..., -1:] > 0.0).astype(np.float32)
    atria = (of_atria * there).sum(axis=-2) / np.maximum(there.sum(axis=-2), 1.0)
    return np.concatenate((irregular(rr_s, kinds), atria, 5.0 * usual), axis=-1).astype(np.float32)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _next(wave: Array, rr_s: float, kind: int, all_rr_s: Array, kinds: Kinds, of_atria: Array, usual: Array) -> None:
    """Take the next beat in the place of the oldest."""
    all_rr_s[:-1] = all_rr_s[1:].copy()
    kinds[:-1] = kinds[1:].copy()
    of_atria[:-1] = of_atria[1:].copy()
    all_rr_s[-1], kinds[-1] = rr_s, kind
    points = np.empty((CHANNELS, P_POINTS), np.float32)
    _thin(wave, points)
    _look(points, of_atria[-1], usual)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _describe(rr_s: Array, kinds: Kinds, of_atria: Array, usual: Array, told: Array) -> None:
    """Do what `describe` does for one window."""
    _window(rr_s, kinds, told[:N_IRREGULAR])
    n = np.float32(0.0)
    sums = np.zeros(OF_ATRIA, np.float32)
    for k in range(len(of_atria)):
        if of_atria[k, -1] > 0.0:
            n += np.float32(1.0)
            sums += of_atria[k]
    told[N_IRREGULAR : N_IRREGULAR + OF_ATRIA] = sums / max(n, np.float32(1.0))
    told[N_IRREGULAR + OF_ATRIA :] = np.float32(5.0) * usual


class _State(msgspec.Struct):
    rr_s: bytes
    kinds: bytes
    atria: bytes
    usual: bytes
    samples: list[int]
    last: int


class LastBeats:
    """The last beats of one stream; `samples` are their R peaks, oldest first."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self._rr_s: Array = np.zeros(N_BEATS, np.float32)
        self._kinds: Kinds = np.full(N_BEATS, ABSENT, np.uint8)
        self._atria: Array = np.zeros((N_BEATS, OF_ATRIA), np.float32)
        self._usual: Array = np.zeros(P_POINTS, np.float32)
        self._last = -1

    def reset(self) -> None:
        """Forget the beats."""
        self.samples.clear()
        self._rr_s[:] = 0.0
        self._kinds[:] = ABSENT
        self._atria[:] = 0.0
        self._usual[:] = 0.0
        self._last = -1

    def interrupt(self) -> None:
        """Take note that the time between the last beat and the next is not known."""
        self._last = -1

    def beat(self, sample: int, rate_hz: float, label: str, wave: Array) -> None:
        """Take the next beat.

        Parameters
        ----------
        sample, rate_hz
            Its R peak, and samples a second.
        label
            Its AAMI class.
        wave
            (at least CHANNELS, at least 2 * P_POINTS) at 125 Hz from 368 ms before R on, of `beat_context`.
        """
        rr_s = (sample - self._last) / rate_hz if self._last >= 0 else 0.0
        _next(wave, rr_s, KINDS.get(label, OTHER), self._rr_s, self._kinds, self._atria, self._usual)
        self._last = sample
        self.samples.append(sample)
        del self.samples[:-N_BEATS]

    def revise(self, sample: int, label: str) -> None:
        """Take note that a beat has another class; nothing happens where it is not the last one."""
        if self.samples and self.samples[-1] == sample:
            self._kinds[-1] = KINDS.get(label, OTHER)

    def features(self) -> Array:
        """Give the beats so far in numbers, (FEATURES,)."""
        told = np.empty(FEATURES, np.float32)
        _describe(self._rr_s, self._kinds, self._atria, self._usual, told)
        return told

    def snapshot(self) -> bytes:
        """Give the whole state."""
        state = _State(
            rr_s=self._rr_s.tobytes(),
            kinds=self._kinds.tobytes(),
            atria=self._atria.tobytes(),
            usual=self._usual.tobytes(),
            samples=self.samples,
            last=self._last,
        )
        return msgspec.msgpack.encode(state)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._rr_s[:] = np.frombuffer(s.rr_s, np.float32)
        self._kinds[:] = np.frombuffer(s.kinds, np.uint8)
        self._atria[:] = np.frombuffer(s.atria, np.float32).reshape(self._atria.shape)
        self._usual[:] = np.frombuffer(s.usual, np.float32)
        self.samples, self._last = s.samples, s.last
