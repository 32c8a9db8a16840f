"""Device time -> engine time: steadied by regression, never moved by arrival jitter, never stopped by a jump.

A device counts samples (or gives its own times) by a clock that drifts, messages arrive with jitter and in bursts, and
sometimes the device clock is set. The engine clock is the host's monotonic clock.
"""

from __future__ import annotations

import math
from typing import NamedTuple

_NOISE_S = 5e-3
"""Arrival jitter taken for granted before any has been seen."""
_DRIFT_SCALE = 1e-4
"""Drift of a common quartz clock: 100 ppm."""
_RIDGE_S2 = (_NOISE_S / _DRIFT_SCALE) ** 2
_CLIP_JITTERS = 4.0
"""Arrivals further from the line than so many times the jitter count as if they were no further."""
_LEAST_CLIP_S = 5e-3
_MAX_DRIFT = 2e-3


class ClockJump(NamedTuple):
    """The device clock was set, or its counter jumped: the mapping began anew."""

    device_ns: int  # device time at which it was seen
    jump_s: float  # how far the device clock went ahead of the engine clock; negative: fell behind


class Mapped(NamedTuple):
    """A device time on the engine clock."""

    captured_ns: int  # monotonic, never earlier than the one before
    jump: ClockJump | None  # set where the mapping began anew with this message


def sample_time_ns(sample: int, rate_hz: float) -> int:
    """Give the device time of a sample, counted from the start of its stream."""
    return round(sample * 1e9 / rate_hz)


class DeviceClock:
    """Maps the times of one device to the engine clock.

    A line is fitted to arrival against device time with exponential forgetting (recursive least squares, the slope held
    near 1 until there is evidence), and moved down to the arrivals that were delayed least. What arrives late, as in a
    burst after a stall, hardly counts. A message far from the line begins it anew: at once where it came before its
    time or implausibly late, else once the distance has lasted, since a stall looks like a jump until it is over.

    Parameters
    ----------
    half_life_s
        Device time after which an arrival counts half.
    jump_s
        Distance from the line that may be a jump.
    confirm_s
        How long a delay must last unchanged, in device time, to be one.
    late_s
        Delay that cannot be a stall.
    """

    def __init__(
        self, *, half_life_s: float = 60.0, jump_s: float = 0.5, confirm_s: float = 3.0, late_s: float = 30.0
    ) -> None:
        self._half_life_s = half_life_s
        self._jump_s = jump_s
        self._confirm_s = confirm_s
        self._late_s = late_s
        self._last_ns = 0
        self._empty = True
        self._anchor(0, 0)

    @property
    def drift_ppm(self) -> float:
        """How much slower the device clock runs than the engine clock, in parts per million."""
        return self._slope() * 1e6

    @property
    def jitter_s(self) -> float:
        """Root mean square of the arrivals' distance from the line."""
        return math.sqrt(self._variance)

    def map(self, device_ns: int, arrived_ns: int) -> Mapped:
        """Give the engine time of a device time that arrived now."""
        if self._empty:
            self._empty = False
            self._anchor(device_ns, arrived_ns)
        self._advance(device_ns)
        # Delay against a device clock that runs true from the anchor on.
        delay_s = ((arrived_ns - self._anchor_engine_ns) - (device_ns - self._anchor_device_ns)) / 1e9
        residual_s = delay_s - self._predicted()
        jump = None
        if self._has_jumped(residual_s, device_ns):
            if self._settled:
                jump = ClockJump(device_ns, -residual_s)
            self._anchor(device_ns, arrived_ns)
            residual_s = 0.0
            delay_s = 0.0
        if abs(residual_s) <= self._jump_s:
            self._learn(residual_s)
        line_s = self._predicted() + self._floor_s
        engine_ns = self._anchor_engine_ns + (device_ns - self._anchor_device_ns) + round(line_s * 1e9)
        # Nothing is captured after it has arrived, nor before what came before it.
        self._last_ns = max(min(engine_ns, arrived_ns), self._last_ns)
        return Mapped(self._last_ns, jump)

    @property
    def _settled(self) -> bool:
        """Whether the line has stood long enough for a departure from it to be worth a report."""
        return self._span_s > self._confirm_s

    @property
    def _clip_s(self) -> float:
        return max(_CLIP_JITTERS * self.jitter_s, _LEAST_CLIP_S)

    def _anchor(self, device_ns: int, engine_ns: int) -> None:
        """Begin a new line through this point."""
        self._anchor_device_ns = device_ns
        self._anchor_engine_ns = engine_ns
        self._x_s = 0.0
        self._span_s = 0.0
        # Weighted sums relative to the newest point, so that they stay well conditioned however long the stream runs.
        self._weight = self._sum_x = self._sum_y = self._sum_xx = self._sum_xy = 0.0
        self._variance = _NOISE_S**2
        self._floor_s = 0.0
        self._late_since_ns: int | None = None
        self._late_by_s = 0.0

    def _advance(self, device_ns: int) -> None:
        """Move the sums' origin to this device time and let what they hold fade."""
        step_s = (device_ns - self._anchor_device_ns) / 1e9 - self._x_s
        if not 0 <= step_s <= self._late_s:
            return
        fade = 0.5 ** (step_s / self._half_life_s)
        self._x_s += step_s
        self._sum_xx = fade * (self._sum_xx - 2 * step_s * self._sum_x + step_s * step_s * self._weight)
        self._sum_xy = fade * (self._sum_xy - step_s * self._sum_y)
        self._sum_x = fade * (self._sum_x - step_s * self._weight)
        self._weight *= fade
        self._sum_y *= fade
        self._floor_s *= fade

    def _learn(self, residual_s: float) -> None:
        clip_s = self._clip_s
        clipped_s = min(max(residual_s, -clip_s), clip_s)
        y = self._predicted() + clipped_s
        self._weight += 1.0
        self._sum_y += y
        self._variance += 0.02 * (clipped_s**2 - self._variance)
        self._floor_s = min(self._floor_s, clipped_s)
        self._span_s = self._x_s

    def _slope(self) -> float:
        if self._weight < 2:
            return 0.0
        spread = self._sum_xx - self._sum_x**2 / self._weight
        slope = (self._sum_xy - self._sum_x * self._sum_y / self._weight) / (spread + _RIDGE_S2)
        return min(max(slope, -_MAX_DRIFT), _MAX_DRIFT)

    def _predicted(self) -> float:
        """Delay of the newest device time, from the line."""
        if not self._weight:
            return 0.0
        return (self._sum_y - self._slope() * self._sum_x) / self._weight

    def _has_jumped(self, residual_s: float, device_ns: int) -> bool:
        # A line that began with a backlog began too late: what comes before its time shows it, and begins it anew.
        earliest_s = -self._jump_s if self._settled else -self._clip_s
        if residual_s < earliest_s or residual_s > self._late_s:
            return True
        if residual_s <= self._jump_s:
            self._late_since_ns = None
            return False
        if self._late_since_ns is None or abs(residual_s - self._late_by_s) > self._jump_s / 2:
            self._late_since_ns, self._late_by_s = device_ns, residual_s
        return device_ns - self._late_since_ns > self._confirm_s * 1e9
