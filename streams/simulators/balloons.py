"""Balloons on wires: between two marker bands, filled with contrast agent over a few seconds and emptied again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heartwire.streams.simulators.curves import FloatArray, smoothstep

Random = np.random.Generator


@dataclass(frozen=True, slots=True)
class Balloon:
    """One balloon.

    Attributes
    ----------
    first, last
        Indices of the points of its device at the marker bands, each 0.5 mm.
    full_mm
        Its radius when it is full.
    peak
        Log attenuation across its middle when it is full.
    begin_s, fill_s, hold_s, period_s
        When it is first filled, how long that takes (and emptying), how long it stays full, and when it begins again.
    """

    first: int
    last: int
    full_mm: float
    peak: float
    begin_s: float
    fill_s: float
    hold_s: float
    period_s: float

    def radius_mm(self, time_s: float) -> FloatArray:
        """Give its radius at each point from the first band to the last, (n,)."""
        since_s = (time_s - self.begin_s) % self.period_s if time_s >= self.begin_s else 0.0
        filled = min(since_s, 2.0 * self.fill_s + self.hold_s - since_s) / self.fill_s
        along = np.linspace(0.0, 1.0, self.last - self.first + 1)
        shoulders = smoothstep(5.0 * np.minimum(along, 1.0 - along))
        return self.full_mm * float(smoothstep(np.array(filled))) * shoulders


def draw_balloon(random: Random, n_points: int, peak: float) -> Balloon:
    """Draw a balloon on the last part of a device of so many points."""
    long = min(int(2.0 * random.uniform(10.0, 25.0)), int(0.4 * n_points))
    last = n_points - 1 - int(random.uniform(0.2, 0.35) * n_points)
    fill_s, hold_s = float(random.uniform(1.5, 4.0)), float(random.uniform(2.0, 6.0))
    return Balloon(
        first=last - long,
        last=last,
        full_mm=float(random.uniform(1.25, 3.0)),
        peak=peak,
        begin_s=float(random.uniform(0.0, 3.0)),
        fill_s=fill_s,
        hold_s=hold_s,
        period_s=2.0 * fill_s + hold_s + float(random.uniform(2.0, 8.0)),
    )
