"""Boluses of contrast agent: a coronary tree that fills from the catheter's tip and washes out again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heartwire.streams.simulators.curves import FloatArray, smoothstep, wander
from heartwire.streams.simulators.devices import SimulatedDevice, heart_modes

Float32Array = npt.NDArray[np.float32]
Random = np.random.Generator


@dataclass(slots=True)
class Vessel:
    """One branch: centreline (n, 3) mm each 2 mm, modes of motion, radius and distance from the catheter's tip, mm."""

    points_mm: FloatArray
    modes_mm: FloatArray
    radius_mm: FloatArray
    from_ostium_mm: FloatArray


class Contrast:
    """The vessels behind one catheter and the times at which contrast is injected.

    Parameters
    ----------
    random
        Where the tree and the times are drawn from.
    catheter
        The catheter that injects.
    peak
        Log attenuation at the middle of the widest vessel.
    """

    def __init__(self, random: Random, catheter: SimulatedDevice, peak: float) -> None:
        self._first_s = float(random.uniform(-1.0, 6.0))
        self._period_s = float(random.uniform(7.0, 14.0))
        self._speed_mm_s = float(random.uniform(60.0, 200.0))
        self._hold_s = float(random.uniform(0.8, 3.0))
        self._washout_s = float(random.uniform(0.5, 1.5))
        self.peak = peak
        self.vessels = _grow_tree(random, catheter)

    def filling(self, time_s: float, from_ostium_mm: FloatArray) -> FloatArray:
        """Give how full the vessels are, 0 to 1, at distances from the catheter's tip; all 0 between boluses."""
        since_s = (time_s - self._first_s) % self._period_s if time_s >= self._first_s else -1.0
        if not 0.0 <= since_s <= self._hold_s + 6.0 * self._washout_s:
            return np.zeros_like(from_ostium_mm)
        arrival_s = since_s - from_ostium_mm / self._speed_mm_s
        full = smoothstep(arrival_s / 0.25)
        washed = np.exp(-np.maximum(arrival_s - self._hold_s, 0.0) / self._washout_s)
        return np.asarray(full * washed)


def _grow_tree(random: Random, catheter: SimulatedDevice) -> list[Vessel]:
    start = catheter.points_mm[-1]
    direction = start - catheter.points_mm[-4]
    n_modes_tip = catheter.modes_mm[:, -1, :]
    trunk_mm = float(random.uniform(60.0, 120.0))
    radius = float(random.uniform(1.3, 2.6))
    trunk = _vessel(random, start - 2.0 * direction, direction, trunk_mm, radius, 0.0, n_modes_tip)
    vessels = [trunk]
    for _ in range(int(random.integers(2, 12))):
        parent = vessels[int(random.integers(0, len(vessels)))]
        if len(parent.points_mm) < 8:
            continue
        at = int(random.integers(2, len(parent.points_mm) - 4))
        heading = parent.points_mm[at + 2] - parent.points_mm[at]
        side = np.array([-heading[1], heading[0], random.normal(0.0, 0.5)]) * random.choice([-1.0, 1.0])
        length = float(random.uniform(0.3, 0.8)) * trunk_mm
        vessels.append(
            _vessel(
                random, parent.points_mm[at], heading + random.uniform(0.4, 1.3) * side, length,
                float(parent.radius_mm[at]) * float(random.uniform(0.5, 0.85)),
                float(parent.from_ostium_mm[at]), parent.modes_mm[:, at, :],
            )
        )  # fmt: skip
    return vessels


def _vessel(
    random: Random,
    start: FloatArray,
    direction: FloatArray,
    length_mm: float,
    radius_mm: float,
    from_ostium_mm: float,
    start_modes: FloatArray,
) -> Vessel:
    points = wander(random, start, direction, length_mm, float(random.uniform(0.015, 0.05)))[::4]
    along = 2.0 * np.arange(len(points))
    own = smoothstep(along / 25.0)[None, :, None]
    modes = heart_modes(random, np.ones(len(points)))
    modes[3:] = start_modes[3:, None, :]
    modes[:3] = modes[:3] * own[:1] + start_modes[:3, None, :] * (1.0 - own[:1])
    taper = radius_mm * (1.0 - 0.55 * along / length_mm)
    return Vessel(points, modes, np.maximum(taper, 0.25), from_ostium_mm + along)


def cylinder_profile(steps: int = 32) -> Float32Array:
    """Give the chord of a cylinder over the distance from its axis, softened at the edge, 1 at the middle."""
    u = np.linspace(0.0, 1.0, steps)
    chord = np.sqrt(np.maximum(1.0 - (u / 0.88) ** 2, 0.0))
    soft = np.convolve(np.pad(chord, 3, mode="reflect"), np.full(7, 1.0 / 7.0), "valid")
    soft[-1] = 0.0
    return np.asarray(soft / soft[0], np.float32)
