"""The periodic part of a tip's motion: harmonics of the heart beat on top of breathing, fitted to where it has been.

The frequencies are estimated from the tip's own path: for each candidate the path is fitted by least squares, the one
that leaves least wins (a periodogram of several harmonics, Palmer 2009, doi:10.1088/0004-637X/695/1/496).
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]

HEART_HZ = (0.7, 3.2)
_HEART_CANDIDATES = 90
_NEAR_CANDIDATES = 9
_NEAR = 0.06
_BREATH_HZ: Array = np.linspace(0.12, 0.45, 12)
_HARMONICS = 3
_FADING_S = 3.0
_RIDGE = 1e-3
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
        basis = np.concatenate(
            [_slow(since_s, self.breath_hz), _waves(since_s, np.array([self.heart_hz]), _HARMONICS)[0]], axis=1
        )
        return np.asarray(basis @ np.array(self.weights))


def _waves(since_s: Array, hz: Array, harmonics: int) -> Array:
    """Give cosine and sine of each harmonic of each frequency, (m, n, 2 harmonics)."""
    turns = 2.0 * np.pi * hz[:, None, None] * since_s[None, :, None] * np.arange(1, harmonics + 1)
    return np.concatenate([np.cos(turns), np.sin(turns)], axis=2)


def _slow(since_s: Array, breath_hz: float) -> Array:
    """Give what is not the heart's: place, drift and breathing, (n, 4)."""
    even = np.stack([np.ones_like(since_s), since_s], axis=1)
    return np.concatenate([even, _waves(since_s, np.array([breath_hz]), 1)[0]], axis=1)


def _solve(basis: Array, places: Array, weight: Array) -> tuple[Array, Array]:
    """Fit (m, n, k) bases to places (n, 2); gives weights (m, k, 2) and what is left, px^2, (m,)."""
    weighted = basis * weight[None, :, None]
    normal = weighted.transpose(0, 2, 1) @ basis
    size = normal.shape[1]
    ridge = _RIDGE * weight.sum() * np.eye(size)
    ridge[0, 0] = 0.0
    found = np.linalg.solve(normal + ridge, weighted.transpose(0, 2, 1) @ places)
    left = ((basis @ found - places[None]) ** 2).sum(axis=2) @ weight / weight.sum()
    return found, left


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
    slow = np.stack([_slow(since_s, hz) for hz in _BREATH_HZ])
    breath_hz = float(_BREATH_HZ[_solve(slow, places_px, weight)[1].argmin()])
    if near_hz is None:
        low, high, count = *HEART_HZ, _HEART_CANDIDATES
    else:
        low, high, count = near_hz * (1.0 - _NEAR), near_hz * (1.0 + _NEAR), _NEAR_CANDIDATES
    hearts = np.linspace(low, high, count)
    waves = _waves(since_s, hearts, _HARMONICS)
    steady = np.broadcast_to(_slow(since_s, breath_hz), (count, len(since_s), 4))
    weights, left = _solve(np.concatenate([steady, waves], axis=2), places_px, weight)
    best = int(np.flatnonzero(left <= _FASTER_IS_AS_GOOD * left.min())[-1])
    if near_hz is not None or best == 0:
        best = int(left.argmin())
    else:  # the best of its own valley
        while best > 0 and left[best - 1] < left[best]:
            best -= 1
    return Rhythm(origin_s, float(hearts[best]), breath_hz, [(float(x), float(y)) for x, y in weights[best]])
