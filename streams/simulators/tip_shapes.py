"""The preformed ends of catheters and wires, as chains of arcs (length in mm, angle in degrees; see `curves.bend`)."""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np

Random = np.random.Generator
Bends: TypeAlias = list[tuple[float, float]]
Range: TypeAlias = tuple[float, float]


def straight(random: Random) -> Bends:
    """Draw an end with a slight bend."""
    return [(float(random.uniform(5.0, 15.0)), float(random.normal(0.0, 25.0)))]


def judkins_or_amplatz(random: Random) -> Bends:
    """Draw the end of a common guide: one bend, two against each other, a wide hook of up to 200 degrees, or none."""
    kind = random.random()
    if kind < 0.35:
        return [(random.uniform(8.0, 20.0), random.uniform(50.0, 100.0)), (random.uniform(4.0, 12.0), 0.0)]
    if kind < 0.6:
        first, second = random.uniform(30.0, 80.0), random.uniform(60.0, 120.0)
        return [(random.uniform(15.0, 30.0), -first), (random.uniform(8.0, 15.0), second), (5.0, 0.0)]
    if kind < 0.8:
        return [(random.uniform(25.0, 45.0), random.uniform(120.0, 200.0)), (random.uniform(3.0, 10.0), -20.0)]
    return straight(random)


def reversed_or_triple(random: Random) -> Bends:
    """Draw a reversed curve of more than 200 degrees, or three bends that alternate."""
    if random.random() < 0.5:
        return [(random.uniform(30.0, 50.0), random.uniform(205.0, 250.0)), (random.uniform(8.0, 14.0), -50.0)]
    first, second, third = random.uniform(25.0, 50.0), random.uniform(60.0, 100.0), random.uniform(60.0, 100.0)
    return [
        (random.uniform(12.0, 25.0), first),
        (random.uniform(12.0, 20.0), -second),
        (random.uniform(8.0, 14.0), third),
    ]


def pigtail(random: Random, loop_degrees: Range, radius_mm: Range) -> Bends:
    """Draw a loop that tightens a little towards its end."""
    loop = random.uniform(*loop_degrees)
    radius = random.uniform(*radius_mm)
    half = math.radians(loop / 2) * radius
    return [(random.uniform(2.0, 8.0), random.uniform(0.0, 20.0)), (half, loop / 2), (0.85 * half, loop / 2)]
