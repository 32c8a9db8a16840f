"""The periodic part of a tip's motion: harmonics of the heart beat on top of breathing, fitted to where it has been.

The frequencies are estimated from the tip's own path: for each candidate the path is fitted by least squares, the one
that leaves least wins (a periodogram of several harmonics, Palmer 2009, doi:10.1088/0004-637X/695/1/496).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import msgspec
import numba
import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

HEART_HZ = (0.7, 3.2)
_HEART_CANDIDATES = 90
_NEAR_CANDIDATES = 9
_NEAR = 0.06
_BREATH_HZ: Array = np.linspace(0.12, 0.45, 12)
_HARMONICS = 3
_SLOW = 4
"""Parts that are not the heart's."""
_FADING_S = 3.0
_RIDGE = 1e-3
_LEAST_PIVOT = 1e-12
_FASTER_IS_AS_GOOD = 1.1
"""At half the heart rate the even harmonics fit as well: the faster of two that leave about the same is the heart's."""
_LEAST_SAMPLES = 24


class Rhythm(msgspec.Struct):
    """A fitted motion: px at times in s, counted from `origin_s`."""

    origin_s: float
    heart_hz: float
    breath_hz: float
    weights: list[tuple[float, float]]

    def at(self, times_s: Array) -> Array:
        """Give the places (n, 2) px at n times."""
        since_s = times_s - self.origin_s
        basis = np.empty((_SLOW + 2 * _HARMONICS, len(since_s)))
        _fill_slow(basis, since_s, self.breath_hz)
        _fill_waves(basis[_SLOW:], since_s, self.heart_hz)
        return np.asarray(basis.T @ np.array(self.weights))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill_waves(basis: Array, since_s: Array, hz: float) -> None:
    """Fill rows of a basis (2 h, n) with the cosine and the sine of each harmonic of a frequency."""
    for i in range(len(since_s)):
        first = 2.0 * math.pi * hz * since_s[i]
        cosine, sine = math.cos(first), math.sin(first)
        c, s = cosine, sine
        for k in range(0, len(basis), 2):
            basis[k, i], basis[k + 1, i] = c, s
            c, s = c * cosine - s * sine, s * cosine + c * sine


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _fill_slow(basis: Array, since_s: Array, breath_hz: float) -> None:
    """Fill the first rows of a basis with what is not the heart's: place, drift and breathing."""
    basis[0] = 1.0
    basis[1] = since_s
    _fill_waves(basis[2:_SLOW], since_s, breath_hz)


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _solve(basis: Array, places: Array, weight: Array, found: Array) -> float:
    """Fit a basis (k, n) to places (2, n) into `found` (k, 2); gives what is left, px^2."""
    size, n = basis.shape
    total = weight.sum()
    root, weighted = np.zeros((size, size)), np.empty(n)
    for i in range(size):
        for j in range(n):
            weighted[j] = basis[i, j] * weight[j]
        for axis in range(2):
            dot = 0.0
            for j in range(n):
                dot += weighted[j] * places[axis, j]
            found[i, axis] = dot
        for k in range(i + 1):
            dot = 0.0
            for j in range(n):
                dot += weighted[j] * basis[k, j]
            root[i, k] = dot + (_RIDGE * total if i == k and i > 0 else 0.0)
    # Cholesky's root in place, then forwards and backwards.
    for i in range(size):
        for k in range(i + 1):
            value = root[i, k]
            for j in range(k):
                value -= root[i, j] * root[k, j]
            root[i, k] = math.sqrt(max(value, _LEAST_PIVOT)) if i == k else value / root[k, k]
    for axis in range(2):
        for i in range(size):
            for j in range(i):
                found[i, axis] -= root[i, j] * found[j, axis]
            found[i, axis] /= root[i, i]
        for i in range(size - 1, -1, -1):
            for j in range(i + 1, size):
                found[i, axis] -= root[j, i] * found[j, axis]
            found[i, axis] /= root[i, i]
    left = 0.0
    for axis in range(2):
        for j in range(n):
            weighted[j] = places[axis, j]
        for k in range(size):
            for j in range(n):
                weighted[j] -= found[k, axis] * basis[k, j]
        for j in range(n):
            left += weight[j] * weighted[j] * weighted[j]
    return left / total  # type: ignore[no-any-return]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _best_breath(since_s: Array, places: Array, weight: Array) -> float:
    """Give the breathing rate that leaves least."""
    basis, found = np.empty((_SLOW, len(since_s))), np.empty((_SLOW, 2))
    best_hz, least = 0.0, math.inf
    for hz in _BREATH_HZ:
        _fill_slow(basis, since_s, hz)
        left = _solve(basis, places, weight, found)
        if left < least:
            best_hz, least = hz, left
    return best_hz


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _try_hearts(
    since_s: Array, places: Array, weight: Array, breath_hz: float, hearts_hz: Array
) -> tuple[Array, Array]:
    """Fit each of m heart rates; gives weights (m, k, 2) and what is left, px^2, (m,)."""
    size = _SLOW + 2 * _HARMONICS
    basis = np.empty((size, len(since_s)))
    _fill_slow(basis, since_s, breath_hz)
    weights, left = np.empty((len(hearts_hz), size, 2)), np.empty(len(hearts_hz))
    for i in range(len(hearts_hz)):
        _fill_waves(basis[_SLOW:], since_s, hearts_hz[i])
        left[i] = _solve(basis, places, weight, weights[i])
    return weights, left


def fit(times_s: Array, places_px: Array, near_hz: float | None = None) -> Rhythm | None:
    """Fit heart and breathing to a path.

    Parameters
    ----------
    times_s : (n,)
        Rising, some seconds in all.
    places_px : (n, 2)
        Where the tip was seen.
    near_hz
        Look for the heart only about here.

    Returns
    -------
    Rhythm or None
        None where there are too few places to say.
    """
    if len(times_s) < _LEAST_SAMPLES:
        return None
    origin_s = float(times_s[-1])
    since_s = times_s - origin_s
    weight = np.exp(since_s / _FADING_S)
    places = np.ascontiguousarray(places_px.T)
    breath_hz = float(_best_breath(since_s, places, weight))
    if near_hz is None:
        low, high, count = *HEART_HZ, _HEART_CANDIDATES
    else:
        low, high, count = near_hz * (1.0 - _NEAR), near_hz * (1.0 + _NEAR), _NEAR_CANDIDATES
    hearts = np.linspace(low, high, count)
    weights, left = _try_hearts(since_s, places, weight, breath_hz, hearts)
    best = int(np.flatnonzero(left <= _FASTER_IS_AS_GOOD * left.min())[-1])
    if near_hz is not None or best == 0:
        best = int(left.argmin())
    else:  # the best of its own valley
        while best > 0 and left[best - 1] < left[best]:
            best -= 1
    return Rhythm(origin_s, float(hearts[best]), breath_hz, [(float(x), float(y)) for x, y in weights[best]])
