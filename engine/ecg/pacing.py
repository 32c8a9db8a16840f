"""Pulses of a pacemaker in the conditioned signal, and whether anything but the pulse is to be seen there.

A pulse stands out sharply in the source (`Conditioned.sharp`). What the pass band leaves of it has a known shape: the
kernel of the conditioning, and where the pulse overshoots, an exponential decay after it. Where these account for
everything from 40 ms before to 104 ms after it, there is no QRS complex, whatever the QRS network takes it for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from heartwire.engine.ecg.conditioning import DELAY_S, GRID_HZ, Conditioned, kernel
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.messages import FloatArray

BEFORE, AFTER = 10, 26
"""Conditioned samples about a pulse that are looked at; nothing is said of it before the last is there."""
_LEAST_MV = 0.05
"""Least sharpness of a pulse."""
APART = 10
"""Of what stands out within so many samples, the sharpest is the pulse."""
_LEFT_MV = 0.1
_LEFT_SHARE = 0.25
"""A pulse is alone where what its shape leaves over spans less than this, and less than this share of the whole."""
_RAILED_MV = 3.0
"""No QRS complex stands out so sharply."""
_DECAYS_S = (0.004, 0.015, 0.05, 0.1)
_FINE_HZ = 4000.0
LOOKS_BACK = 128
ROWS = 4
"""Two leads, and how sharply the source stands out in each."""


class PacerPulse(NamedTuple):
    """A pulse on the conditioned 250 Hz grid; `alone` where it accounts for all that is to be seen about it."""

    at: int
    height_mv: float
    alone: bool


def _bases(reach: int) -> npt.NDArray[np.float64]:
    """Give an orthonormal basis of what a pulse may look like, for each decay: (decays, points, shapes).

    Pulses lie between the grid samples, and one that drives the converter against its rails is wider than a pulse:
    kernels up to `reach` samples to either side and two decays make those too.
    """
    at_s = np.arange(-BEFORE, AFTER + 1) / GRID_HZ
    fine_s = np.arange(-0.1, 0.2, 1.0 / _FINE_HZ)
    weights = kernel(np.arange(-DELAY_S, DELAY_S, 1.0 / _FINE_HZ))
    level = np.ones_like(at_s)
    bases = []
    for decay_s in _DECAYS_S:
        decay = np.where(fine_s >= 0.0, np.exp(-np.maximum(fine_s, 0.0) / decay_s), 0.0)
        seen = np.convolve(decay, weights / weights.sum(), "same")
        shapes = [kernel(at_s - shift / GRID_HZ) for shift in range(-reach, reach + 1)]
        shapes += [np.interp(at_s - shift / GRID_HZ, fine_s, seen) for shift in (0, 1)]
        bases.append(np.linalg.qr(np.stack([*shapes, level, at_s], axis=1))[0])
    return np.ascontiguousarray(bases)


BASES, RAILED_BASES = _bases(1), _bases(3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_alone(wave: FloatArray, bases: npt.NDArray[np.float64]) -> bool:
    """Tell whether the shape of a pulse accounts for a wave, (points, n_leads)."""
    n_points, n_leads = wave.shape
    left = np.empty(n_points)
    for lead in range(n_leads):
        whole = np.max(wave[:, lead]) - np.min(wave[:, lead])
        fits = whole == 0.0
        for basis in bases:
            left[:] = wave[:, lead]
            for shape in range(basis.shape[1]):
                part = 0.0
                for k in range(n_points):
                    part += basis[k, shape] * wave[k, lead]
                for k in range(n_points):
                    left[k] -= part * basis[k, shape]
            if float(np.max(left) - np.min(left)) <= min(_LEFT_MV, _LEFT_SHARE * float(whole)):
                fits = True
                break
        if not fits:
            return False
    return True


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _find(
    rows: FloatArray,
    first: int,
    bases: npt.NDArray[np.float64],
    railed_bases: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
) -> int:
    """Look at the rows that come after the first `LOOKS_BACK`, of which the first has the number `first`.

    Rows hold the samples of both leads and how sharply the source stands out in each. Place, height and alone are
    written of each pulse of which enough is known now.
    """
    written = 0
    # Those whose last sample came with this call.
    for at in range(LOOKS_BACK - AFTER, len(rows) - AFTER):
        height = max(rows[at, 2], rows[at, 3])
        if height < _LEAST_MV or first - LOOKS_BACK + at < BEFORE:
            continue
        sharpest = True
        for k in range(at - APART, at + APART + 1):
            other = max(rows[k, 2], rows[k, 3])
            sharpest = sharpest and (other < height if k < at else other <= height)
        if sharpest:
            found[written, 0] = first - LOOKS_BACK + at
            found[written, 1] = height
            wave = np.ascontiguousarray(rows[at - BEFORE : at + AFTER + 1, :2])
            found[written, 2] = _is_alone(wave, railed_bases if height >= _RAILED_MV else bases)
            written += 1
    return written


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def take_pulses(
    samples: FloatArray,
    sharp: FloatArray,
    one: int,
    other: int,
    rows: FloatArray,
    first: int,
    bases: npt.NDArray[np.float64],
    railed_bases: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
) -> int:
    """Write two leads (-1: none, zeros) and their sharpness behind the first `LOOKS_BACK` rows, and look at them."""
    for i in range(len(samples)):
        row = rows[LOOKS_BACK + i]
        row[0] = samples[i, one] if one >= 0 else 0.0
        row[1] = samples[i, other] if other >= 0 else 0.0
        row[2] = sharp[i, one] if one >= 0 else 0.0
        row[3] = sharp[i, other] if other >= 0 else 0.0
    written: int = _find(rows, first, bases, railed_bases, found)
    return written


class PulseFinder:
    """Finds the pacer's pulses in the two analysed leads of one stream.

    Parameters
    ----------
    signal
        The leads and their sharpness, `ROWS` columns; `LOOKS_BACK` rows of it are looked back on.
    """

    def __init__(self, signal: Tail) -> None:
        self._signal = signal

    def take(self, conditioned: Conditioned, leads: Sequence[int]) -> list[PacerPulse]:
        """Add the leads chosen of the next conditioned samples to the signal; give what `find` gives."""
        n = len(conditioned.samples)
        rows = self._signal.extend(n, before=LOOKS_BACK)
        found = np.empty((n // APART + 2, 3))
        one, other = (*leads, -1, -1)[:2]
        first = self._signal.n - n
        count = take_pulses(conditioned.samples, conditioned.sharp, one, other, rows, first, BASES, RAILED_BASES, found)
        return told_pulses(found, count)

    def find(self, first: int) -> list[PacerPulse]:
        """Give the pulses of which enough is known with the rows of the signal from `first` on."""
        found = np.empty(((self._signal.n - first) // APART + 2, 3))
        rows = self._signal.rows(first - LOOKS_BACK, self._signal.n)
        return told_pulses(found, _find(rows, first, BASES, RAILED_BASES, found))


def told_pulses(found: npt.NDArray[np.float64], n: int) -> list[PacerPulse]:
    """Give the first `n` of the pulses that `take_pulses` found."""
    return [PacerPulse(int(at), height, bool(alone)) for at, height, alone in found[:n].tolist()] if n else []
