"""ECG of any rate onto one 250 Hz grid, free of drift and of what lies above the pass band.

One symmetric kernel, a Hann-windowed sinc, is evaluated at the exact distance of each source sample from the grid
sample wanted: it is low-pass, anti-alias filter and interpolator in one, and delays every frequency at every source
rate by the same `DELAY_S`. A second-order Butterworth high-pass follows on the grid. Each grid sample is computed once,
from its own source samples in a fixed order, so that the cutting into chunks cannot change a bit of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit
from scipy.signal import butter

from heartwire.engine.errors import SourceError

GRID_HZ = 250.0
"""Rate of the conditioned signal."""
DELAY_S = 0.024
"""Delay of the conditioned signal behind the source: half the kernel's width."""
PASS_BAND_HZ = (0.5, 40.0)
"""-3 dB of the high-pass and -6 dB of the low-pass."""
LIMIT_MV = 10.0
"""Conditioned samples are limited to this magnitude; electrode artefacts only."""
RATES_HZ = (100.0, 2000.0)
"""Source rates accepted."""
MAX_LEADS = 12

_Doubles: TypeAlias = npt.NDArray[np.float64]
_Flags: TypeAlias = npt.NDArray[np.bool_]

_ABSURD_MV = 1000.0
RING = 128
"""Source samples looked back on."""
_TABLE = 2048
_REPRIME_S = 0.5
_SPIKE_S = 0.006
"""A pacing spike stands out from what was this long before and after it, and hardly more from what was twice as far."""


def kernel(times_s: _Doubles) -> _Doubles:
    """Give the kernel so long before and after its centre, where it is 1; nothing is left of it at `DELAY_S`."""
    t = np.minimum(np.abs(times_s) / DELAY_S, 1.0)
    return np.sinc(2.0 * PASS_BAND_HZ[1] * DELAY_S * t) * (0.5 + 0.5 * np.cos(np.pi * t))


KERNEL = kernel(np.arange(_TABLE + 2) / _TABLE * DELAY_S)
HIGH_PASS = np.concatenate(butter(2, PASS_BAND_HZ[0], "highpass", fs=GRID_HZ)).astype(np.float64)


class Conditioned(NamedTuple):
    """Consecutive samples on the 250 Hz grid; every array is (n_samples, n_leads).

    `samples` is float32 in mV. `valid` is False where a source sample in reach was NaN, infinite or absurd and the last
    good value stood in. `held` is True where the source did not change at all from one sample to the next (flat or
    clipped). `high` is what the low-pass took away at that instant, float32 in mV (mains, muscle). `sharp` is
    how much of a pacing spike the source shows there, float32 in mV: the height of one that comes and goes within 6 ms,
    nothing of a wave that keeps rising for 12 ms.
    """

    samples: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    held: npt.NDArray[np.bool_]
    high: npt.NDArray[np.float32]
    sharp: npt.NDArray[np.float32]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _stands_out(ring: _Doubles, i: int, aside: int, lead: int) -> float:
    """Tell how far a sample is above, or below, both of those so many samples before and after it."""
    mask = ring.shape[0] - 1
    x = ring[i & mask, lead]
    rise: float = x - ring[(i - aside) & mask, lead]
    fall: float = x - ring[(i + aside) & mask, lead]
    return min(abs(rise), abs(fall)) if rise * fall > 0.0 else 0.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def condition(
    source: npt.NDArray[np.float32],
    rate_hz: float,
    counters: npt.NDArray[np.int64],
    ring: _Doubles,
    good: _Flags,
    same: _Flags,
    past: _Doubles,
    invalid_run: npt.NDArray[np.int64],
    kernel: _Doubles,
    high_pass: _Doubles,
    numbers: npt.NDArray[np.float32],
    flags: _Flags,
) -> int:
    """Run the recursion over one chunk; give the number of grid samples written.

    `numbers` takes samples, high and sharp, `flags` valid and held of `Conditioned`.
    """
    samples, high, sharp = numbers[0], numbers[1], numbers[2]
    valid, held = flags[0], flags[1]
    n_leads = source.shape[1]
    ring_length = ring.shape[0]
    mask = ring_length - 1
    reprime = int(_REPRIME_S * rate_hz)
    aside = max(int(_SPIKE_S * rate_hz + 0.5), 1)
    ratio = rate_hz / GRID_HZ
    reach = DELAY_S * rate_hz
    scale = _TABLE / reach
    weights = np.empty(ring_length)
    b0, b1, b2, a1, a2 = high_pass[0], high_pass[1], high_pass[2], high_pass[4], high_pass[5]
    n, k = counters[0], counters[1]
    written = 0
    for row in range(source.shape[0]):
        slot = n & mask
        before = (n - 1) & mask
        for lead in range(n_leads):
            x = np.float64(source[row, lead])
            ok = np.isfinite(x) and abs(x) < _ABSURD_MV
            if not ok:
                x = ring[before, lead]
                invalid_run[lead] = min(invalid_run[lead] + 1, reprime)
            elif invalid_run[lead] >= reprime:
                # First good sample of a lead: start as if it had always been there, without a step.
                for i in range(ring_length):
                    ring[i, lead] = x
                past[0, lead] = -b0 * x
                past[1, lead] = b2 * x
                invalid_run[lead] = 0
            else:
                invalid_run[lead] = 0
            same[slot, lead] = x == ring[before, lead]
            ring[slot, lead] = x
            good[slot, lead] = ok
        n += 1
        while k * ratio < n:
            newest = k * ratio
            centre = newest - reach
            last = int(np.floor(newest))
            first = int(np.floor(newest - 2.0 * reach)) + 1
            nearest = int(np.floor(centre + 0.5))
            total = 0.0
            for i in range(first, last + 1):
                at = abs(i - centre) * scale
                cell = int(at)
                weight = 0.0
                if cell < _TABLE:
                    weight = kernel[cell] + (at - cell) * (kernel[cell + 1] - kernel[cell])
                weights[i - first] = weight
                total += weight
            for lead in range(n_leads):
                low = 0.0
                every = True
                for i in range(first, last + 1):
                    low += weights[i - first] * ring[i & mask, lead]
                    every = every and good[i & mask, lead]
                low /= total
                y = b0 * low + past[0, lead]
                past[0, lead] = b1 * low - a1 * y + past[1, lead]
                past[1, lead] = b2 * low - a2 * y
                samples[written, lead] = min(max(y, -LIMIT_MV), LIMIT_MV)
                valid[written, lead] = every
                held[written, lead] = same[nearest & mask, lead]
                high[written, lead] = ring[nearest & mask, lead] - low
                # Of the source samples nearest to this grid sample the sharpest.
                sharpest = 0.0
                for i in range(int(np.floor(centre - 0.5 * ratio)) + 1, int(np.floor(centre + 0.5 * ratio)) + 1):
                    near = _stands_out(ring, i, aside, lead)
                    if near > 0.0:
                        sharpest = max(sharpest, 2.0 * near - _stands_out(ring, i, 2 * aside, lead))
                sharp[written, lead] = min(sharpest, LIMIT_MV)
            written += 1
            k += 1
    counters[0] = n
    counters[1] = k
    return written


class _State(msgspec.Struct):
    rate_hz: float
    n_leads: int
    counters: bytes
    ring: bytes
    good: bytes
    same: bytes
    past: bytes
    invalid_run: bytes


class Conditioner:
    """Takes the samples of one stream in order, gives them conditioned on the grid.

    Grid sample ``k`` holds the source as it was ``k / 250 - delay_s`` seconds after the stream's start.

    Parameters
    ----------
    rate_hz
        Source rate, 100 to 2000 Hz; need not be an integer.
    n_leads
        1 to 12.

    Raises
    ------
    SourceError
        If rate or number of leads is out of range.
    """

    delay_s = DELAY_S

    def __init__(self, rate_hz: float, n_leads: int) -> None:
        if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
            msg = f"ECG rate {rate_hz:g} Hz is out of range: {RATES_HZ[0]:g} to {RATES_HZ[1]:g} Hz are accepted"
            raise SourceError(msg)
        if not 1 <= n_leads <= MAX_LEADS:
            msg = f"{n_leads} ECG leads: 1 to {MAX_LEADS} are accepted"
            raise SourceError(msg)
        self.rate_hz = float(rate_hz)
        self.n_leads = n_leads
        self.n_source = self.n_grid = 0
        """Source samples taken, and grid samples given, so far."""
        shape = (RING, n_leads)
        self.arrays = (
            np.zeros(2, np.int64),
            np.zeros(shape),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.bool_),
            np.zeros((2, n_leads)),
            np.zeros(n_leads, np.int64),
        )
        """What `condition` carries: counters, ring, good, same, past and invalid_run. They stay where they are."""
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh conditioner."""
        for array in self.arrays:
            array[:] = 0
        self.arrays[-1][:] = int(_REPRIME_S * self.rate_hz)
        self.n_source = self.n_grid = 0

    def process(self, samples: npt.NDArray[np.float32]) -> Conditioned:
        """Take the next source samples; give the grid samples they complete.

        Parameters
        ----------
        samples
            (n_samples, n_leads), mV; NaN where invalid. Samples that are missing altogether are given as NaN.
        """
        room = self.room(len(samples))
        numbers = np.empty((3, room, self.n_leads), np.float32)
        flags = np.empty((2, room, self.n_leads), np.bool_)
        source = np.ascontiguousarray(samples, np.float32)
        n = condition(source, self.rate_hz, *self.arrays, KERNEL, HIGH_PASS, numbers, flags)
        self.took(len(samples), n)
        out, high, sharp = numbers[:, :n]
        valid, held = flags[:, :n]
        return Conditioned(out, valid, held, high, sharp)

    def room(self, n_source: int) -> int:
        """Give how many grid samples so many source samples complete at most."""
        return int(n_source * GRID_HZ / self.rate_hz) + 2

    def took(self, n_source: int, n_grid: int) -> None:
        """Take note of what `condition` took and gave, with the `arrays`."""
        self.n_source += n_source
        self.n_grid += n_grid

    def needed(self, n_grid: int) -> int:
        """Give how many source samples it takes for so many grid samples."""
        return math.floor((n_grid - 1) * (self.rate_hz / GRID_HZ)) + 1

    def source_sample(self, grid_sample: float) -> int:
        """Give the source sample at which the event seen at `grid_sample` took place."""
        return round((grid_sample / GRID_HZ - DELAY_S) * self.rate_hz)

    def grid_sample(self, source_sample: float) -> float:
        """Give where on the grid the event at `source_sample` is seen."""
        return (source_sample / self.rate_hz + DELAY_S) * GRID_HZ

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self.rate_hz, self.n_leads, *(a.tobytes() for a in self.arrays)))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, with its rate and number of leads."""
        s = msgspec.msgpack.decode(state, type=_State)
        if (s.rate_hz, s.n_leads) != (self.rate_hz, self.n_leads):
            Conditioner.__init__(self, s.rate_hz, s.n_leads)
        kept = (s.counters, s.ring, s.good, s.same, s.past, s.invalid_run)
        for array, raw in zip(self.arrays, kept, strict=True):
            array[:] = np.frombuffer(raw, array.dtype).reshape(array.shape)
        self.n_source, self.n_grid = self.arrays[0].tolist()
