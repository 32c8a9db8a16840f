"""What a beat is compared with: the patient's own usual beat and rhythm, from what came before it.

For each lead the usual beat is the running median of the last beats; the beat network sees each beat and its difference
from it, in units of the patient's own amplitude; how sharply the source stands out (pacing spikes), in this beat and in
the mean of the last ones; and numbers that say how early the beat came and how regular the rhythm was. Nothing here
looks past `AFTER` samples behind the R peak.

A pacemaker puts its spike at the same place before each beat that it brings about, and noise stands out anywhere: the
mean over the last beats, aligned at R, raises a weak spike out of the noise by the square root of their number.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

BEFORE = 92
"""Conditioned samples of a beat before its R peak: 368 ms, which holds the P wave."""
AFTER = 28
"""Conditioned samples from the R peak on: 112 ms; a beat is confirmed no sooner."""
THINNED = 2
"""Of the conditioned samples every second is taken: 125 Hz."""
WIDTH = (BEFORE + AFTER) // THINNED
"""Points of a beat."""
CHANNELS = 10
"""Both leads; both differences from the usual beat; both leads' spikes, as they are, how far they stand above what the
lead shows everywhere, and that in the mean of the last beats."""
ROWS = 4
"""A signal as it is taken here: two leads, and how sharply the source stands out in each."""
FEATURES = 16
"""Numbers beside the wave."""
LONGEST_RR_S = 4.0
"""An RR interval counts as no longer than this."""

_BEATS = 16
_SHORT = 8
_MEAN_OF = 10
_SLOW = 1.0 / 64.0
_R = BEFORE // THINNED
_QRS = (_R - 8, WIDTH)
_P = (_R - 38, _R - 7)
_LEAST_MV = 0.05
_TYPICAL_RR_S = 0.8
_LIMIT = 3.0
_MOST_SPIKE = 0.5
"""What one beat may count in the mean of the spikes, in units of the patient's amplitude: artefacts know no bounds."""
_FAINT_SPIKE = 0.01
"""What stands out this far, in the same unit, is as much as the quietest recording shows everywhere."""

Array: TypeAlias = npt.NDArray[np.float32]
_Doubles: TypeAlias = npt.NDArray[np.float64]
_Counts: TypeAlias = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _keep(x: float, ring: Array, in_order: Array, n: int) -> None:
    """Put a value into a ring of the last values and into the same values in order; `n` were put in before."""
    size = ring.shape[0]
    kept = min(n, size)
    slot = n % size
    if kept == size:
        old, i = ring[slot], 0
        while in_order[i] != old:
            i += 1
        while i + 1 < size:
            in_order[i] = in_order[i + 1]
            i += 1
        kept -= 1
    ring[slot] = x
    i = kept
    while i > 0 and in_order[i - 1] > x:
        in_order[i] = in_order[i - 1]
        i -= 1
    in_order[i] = x


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _median(in_order: Array, kept: int) -> float:
    middle: float = 0.5 * (in_order[(kept - 1) // 2] + in_order[kept // 2])
    return middle


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _likeness(a: Array, b: Array, begin: int, end: int) -> float:
    """Give the correlation of two waves over a stretch."""
    mean_a = mean_b = 0.0
    for k in range(begin, end):
        mean_a += a[k]
        mean_b += b[k]
    mean_a /= end - begin
    mean_b /= end - begin
    ab = aa = bb = 1e-6
    for k in range(begin, end):
        ab += (a[k] - mean_a) * (b[k] - mean_b)
        aa += (a[k] - mean_a) ** 2
        bb += (b[k] - mean_b) ** 2
    likeness: float = ab / np.sqrt(aa * bb)
    return likeness


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _averaged(mean: Array, row: Array, unit: float, n: int, out: Array) -> None:
    """Put a beat's spikes, mV, into the mean of those of the `n` beats before, in units; `out` may be `mean`."""
    share = 1.0 / (min(n, _BEATS - 1) + 1)
    for k in range(WIDTH):
        out[k] = mean[k] + share * (min(row[k] / unit, _MOST_SPIKE) - mean[k])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _above(spike: float, everywhere: float) -> float:
    """Tell how far a spike stands above what the lead shows everywhere: a logarithm, as front ends differ so much."""
    above: float = np.log1p(max(spike - everywhere, 0.0) / (everywhere + _FAINT_SPIKE))
    return above


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _unit(height: float, orders: Array, lead: int, kept: int) -> float:
    """Give the patient's amplitude in a lead, mV: that of the usual beat, of this one where there is no other."""
    unit: float = max(_median(orders[lead, WIDTH], kept) if kept else height, _LEAST_MV)
    return unit


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def look(
    crop: Array,
    rr_s: float,
    orders: Array,
    spikes: Array,
    rhythm: _Doubles,
    counts: _Counts,
    wave: Array,
    features: Array,
) -> None:
    """Put one beat beside what is known of the patient.

    Parameters
    ----------
    crop
        (ROWS, WIDTH) mV.
    rr_s
        Time since the beat before, 0 where there is none.
    orders, spikes, rhythm, counts
        The history, as `fresh` makes it.
    wave, features
        What the network is to see: (CHANNELS, WIDTH) and (FEATURES,).
    """
    usual = np.empty(WIDTH, np.float32)
    kept, n_rr = min(counts[0], _BEATS), counts[1]
    for lead in range(2):
        height = np.max(crop[lead]) - np.min(crop[lead])
        unit = _unit(height, orders, lead, kept)
        _averaged(spikes[lead], crop[2 + lead], unit, counts[0], wave[8 + lead])
        everywhere = np.median(wave[8 + lead])
        for k in range(WIDTH):
            usual[k] = _median(orders[lead, k], kept) if kept else crop[lead, k]
            wave[lead, k] = crop[lead, k] / unit
            wave[2 + lead, k] = (crop[lead, k] - usual[k]) / unit
            wave[4 + lead, k] = crop[2 + lead, k] / unit
            wave[6 + lead, k] = _above(wave[4 + lead, k], everywhere)
            wave[8 + lead, k] = _above(wave[8 + lead, k], everywhere)
        features[9 + lead] = _likeness(crop[lead], usual, _QRS[0], _QRS[1])
        features[11 + lead] = _likeness(crop[lead], usual, _P[0], _P[1])
        features[13 + lead] = np.log((height + 0.01) / (unit + 0.01))
    features[:9] = 0.0
    features[15] = kept / _BEATS
    if rr_s > 0.0:
        now = np.log(min(rr_s, LONGEST_RR_S) / _TYPICAL_RR_S)
        features[0] = now
        if n_rr:
            kept = min(n_rr, _BEATS)
            last = np.empty(kept)
            for i in range(kept):
                last[i] = rhythm[(n_rr - 1 - i) % _BEATS]
            short = min(kept, _SHORT)
            features[1] = now - last[0]
            features[2] = now - np.median(last)
            features[3] = now - np.log(np.mean(np.exp(last[: min(kept, _MEAN_OF)])))
            features[4] = now - rhythm[_BEATS]
            features[5] = now - np.max(last[:short])
            features[6] = now - np.min(last[:short])
            features[7] = np.std(last[:short])
            if kept > 1:
                features[8] = np.median(np.abs(last[1:] - last[:-1]))
    for k in range(FEATURES):
        features[k] = min(max(features[k], -_LIMIT), _LIMIT)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def settle(
    crop: Array, rr_s: float, rings: Array, orders: Array, spikes: Array, rhythm: _Doubles, counts: _Counts
) -> None:
    """Put one beat into the history."""
    for lead in range(2):
        unit = _unit(np.max(crop[lead]) - np.min(crop[lead]), orders, lead, min(counts[0], _BEATS))
        _averaged(spikes[lead], crop[2 + lead], unit, counts[0], spikes[lead])
        for k in range(WIDTH):
            _keep(crop[lead, k], rings[lead, k], orders[lead, k], counts[0])
        height = np.max(crop[lead]) - np.min(crop[lead])
        _keep(height, rings[lead, WIDTH], orders[lead, WIDTH], counts[0])
    counts[0] += 1
    if rr_s > 0.0:
        now = np.log(min(rr_s, LONGEST_RR_S) / _TYPICAL_RR_S)
        rhythm[counts[1] % _BEATS] = now
        slow = max(_SLOW, 1.0 / (counts[1] + 1))
        rhythm[_BEATS] = np.log(np.exp(rhythm[_BEATS]) * (1.0 - slow) + np.exp(now) * slow)
        counts[1] += 1


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _next(
    crop: Array,
    rr_s: float,
    rings: Array,
    orders: Array,
    spikes: Array,
    rhythm: _Doubles,
    counts: _Counts,
    wave: Array,
    features: Array,
) -> None:
    look(crop, rr_s, orders, spikes, rhythm, counts, wave, features)
    settle(crop, rr_s, rings, orders, spikes, rhythm, counts)


def fresh() -> tuple[Array, Array, Array, _Doubles, _Counts]:
    """Make the history of a stream that has shown no beat yet.

    The last beats by lead and point, their height as a last point; the same values in order; the mean of their spikes;
    logarithms of the last RR intervals and of their slow mean; how many of each.
    """
    shape = (2, WIDTH + 1, _BEATS)
    rings, orders, spikes = np.zeros(shape, np.float32), np.zeros(shape, np.float32), np.zeros((2, WIDTH), np.float32)
    return rings, orders, spikes, np.zeros(_BEATS + 1), np.zeros(2, np.int64)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def cut(signal: Array, first: int, crop: Array) -> None:
    """Cut a beat out of a signal, (n_samples, ROWS), from `first` on; a spike between the samples taken counts."""
    for row in range(ROWS):
        for k in range(WIDTH):
            at = first + k * THINNED
            crop[row, k] = signal[at, row] if 0 <= at < len(signal) else 0.0
            if row >= 2 and 0 <= at + 1 < len(signal):
                crop[row, k] = max(crop[row, k], signal[at + 1, row])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _all(
    signal: Array,
    peaks: _Doubles,
    rings: Array,
    orders: Array,
    spikes: Array,
    rhythm: _Doubles,
    counts: _Counts,
    wave: Array,
    features: Array,
) -> None:
    crop = np.empty((ROWS, WIDTH), np.float32)
    for i in range(len(peaks)):
        cut(signal, int(np.floor(peaks[i] + 0.5)) - BEFORE, crop)
        rr_s = (peaks[i] - peaks[i - 1]) / 250.0 if i else 0.0
        _next(crop, rr_s, rings, orders, spikes, rhythm, counts, wave[i], features[i])


def contexts(signal: Array, peaks: _Doubles) -> tuple[Array, Array]:
    """Put every beat of a signal into its context.

    Parameters
    ----------
    signal
        (ROWS, n_samples) conditioned, mV.
    peaks
        R peaks in samples, in order.

    Returns
    -------
    (n_beats, CHANNELS, WIDTH) and (n_beats, FEATURES).
    """
    wave = np.empty((len(peaks), CHANNELS, WIDTH), np.float32)
    features = np.zeros((len(peaks), FEATURES), np.float32)
    _all(np.ascontiguousarray(signal.T), peaks, *fresh(), wave, features)
    return wave, features


class _State(msgspec.Struct):
    rings: bytes
    orders: bytes
    spikes: bytes
    rhythm: bytes
    counts: bytes
    last: float


class BeatContext:
    """The beats of one stream, one after the other, each in the context of those before."""

    def __init__(self) -> None:
        self.wave: Array = np.zeros((CHANNELS, WIDTH), np.float32)
        self.features: Array = np.zeros(FEATURES, np.float32)
        self.reset()

    def reset(self) -> None:
        """Forget the patient."""
        self._history = fresh()
        self._last = -1.0

    def beat(self, crop: Array, at: float) -> None:
        """Take the next beat; `wave` and `features` hold what the network is to see of it.

        Parameters
        ----------
        crop
            (ROWS, WIDTH) mV around its R peak, contiguous, from `cut`.
        at
            R peak on the grid, samples.
        """
        rr_s = (at - self._last) / 250.0 if self._last >= 0.0 else 0.0
        self._last = at
        _next(crop, rr_s, *self._history, self.wave, self.features)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        rings, orders, spikes, rhythm, counts = (array.tobytes() for array in self._history)
        return msgspec.msgpack.encode(_State(rings, orders, spikes, rhythm, counts, self._last))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        rings, orders, spikes, rhythm, counts = self._history
        rings[:] = np.frombuffer(s.rings, rings.dtype).reshape(rings.shape)
        orders[:] = np.frombuffer(s.orders, orders.dtype).reshape(orders.shape)
        spikes[:] = np.frombuffer(s.spikes, spikes.dtype).reshape(spikes.shape)
        rhythm[:] = np.frombuffer(s.rhythm, rhythm.dtype)
        counts[:] = np.frombuffer(s.counts, counts.dtype)
        self._last = s.last
