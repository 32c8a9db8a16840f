"""The shapes of catheters, wires and vessels: smooth curves in three dimensions.

Coordinates are mm with the isocentre at the origin: x right, y down in the picture, z towards the X-ray source.
"""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

FloatArray: TypeAlias = npt.NDArray[np.floating[Any]]
Random = np.random.Generator


def smoothstep(x: FloatArray) -> FloatArray:
    """Rise smoothly from 0 at `x <= 0` to 1 at `x >= 1`."""
    x = np.clip(x, 0.0, 1.0)
    return np.asarray(x * x * (3.0 - 2.0 * x))


def unit(vector: FloatArray) -> FloatArray:
    """Scale a vector to length 1."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))


def resample(points: FloatArray, step_mm: float) -> FloatArray:
    """Place points at even steps along a curve, (n, 3), both ends kept."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    n = max(3, round(lengths[-1] / step_mm) + 1)
    at = np.linspace(0.0, lengths[-1], n)
    return np.stack([np.interp(at, lengths, points[:, i]) for i in range(3)], axis=1)


def through(control: FloatArray, step_mm: float) -> FloatArray:
    """Lay a smooth curve through control points, (m, 3), and sample it at even steps."""
    chords = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(control, axis=0), axis=1))])
    spline = CubicSpline(chords, control)
    fine = spline(np.linspace(0.0, chords[-1], 24 * len(control)))
    return resample(fine, step_mm)


def bend(start: FloatArray, direction: FloatArray, normal: FloatArray, bends: list[tuple[float, float]]) -> FloatArray:
    """Continue a curve by a chain of arcs in one plane.

    Parameters
    ----------
    start, direction, normal : (3,)
        Where it goes on, which way, and towards which side it bends.
    bends
        (length in mm, angle in degrees) of each arc; a negative angle bends to the other side.
    """
    along = unit(direction)
    side = unit(normal - along * float(normal @ along))
    points = [start]
    angle = 0.0
    for length_mm, degrees in bends:
        n = max(2, math.ceil(length_mm / 0.5))
        for _ in range(n):
            angle += math.radians(degrees) / n
            points.append(points[-1] + (length_mm / n) * (math.cos(angle) * along + math.sin(angle) * side))
    return np.array(points)


def wander(
    random: Random, start: FloatArray, direction: FloatArray, length_mm: float, turn_per_mm: float
) -> FloatArray:
    """Grow a curve that turns smoothly and at random, as a wire does in a coronary artery; sampled each 0.5 mm.

    Parameters
    ----------
    random
        Where the turns come from.
    start, direction : (3,)
        Where it begins, and which way.
    length_mm
        Its length.
    turn_per_mm
        Typical curvature, radians per mm.
    """
    n = max(4, int(length_mm / 0.5))
    knots = max(4, int(length_mm / 12.0) + 3)
    turns = random.standard_normal((knots, 3)) * turn_per_mm
    turns[:, 2] *= 0.4
    at = np.linspace(0.0, knots - 1.0, n)
    smooth = CubicSpline(np.arange(knots), turns)(at)
    x, y, z = (float(part) for part in unit(direction))
    headings = np.empty((n, 3))
    for i, (c, b, a) in enumerate(smooth.tolist()):
        x, y, z = x + 0.5 * (b * z - c * y), y + 0.5 * (c * x - a * z), z + 0.5 * (a * y - b * x)
        length = math.sqrt(x * x + y * y + z * z)
        x, y, z = x / length, y / length, z / length
        headings[i] = x, y, z
    return np.concatenate([start[None], start + 0.5 * np.cumsum(headings, axis=0)])


def entering(random: Random, half_field_mm: float, target: FloatArray, tip: list[tuple[float, float]]) -> FloatArray:
    """Lead a device from outside the field to a target, with a preformed tip; sampled each 0.5 mm.

    Parameters
    ----------
    random
        Where its course comes from.
    half_field_mm
        Half the side of the field.
    target : (3,)
        Where the tip lies.
    tip
        The preformed end, as arcs (see `bend`).
    """
    side = random.choice(4, p=[0.5, 0.25, 0.1, 0.15])
    across = random.uniform(-0.75, 0.75) * half_field_mm
    far = 1.35 * half_field_mm
    entry = np.array([(across, -far), (-far, across), (far, across), (across, far)][side])
    inward = np.array([(0.0, 1.0), (1.0, 0.0), (-1.0, 0.0), (0.0, -1.0)][side])
    chord = target[:2] - entry
    sideways = np.array([-chord[1], chord[0]]) / max(float(np.linalg.norm(chord)), 1.0)
    bow = random.normal(0.0, 0.16, 2) * float(np.linalg.norm(chord))
    flat = [
        entry - 50.0 * inward + random.normal(0.0, 3.0, 2),
        entry,
        entry + 0.38 * chord + sideways * bow[0],
        entry + 0.72 * chord + sideways * (0.6 * bow[0] + 0.4 * bow[1]),
        target[:2],
    ]
    depth = np.cumsum(random.normal(0.0, 12.0, len(flat)))
    depth += target[2] - depth[-1]
    shaft = through(np.column_stack([np.array(flat), depth]), 0.5)
    direction = shaft[-1] - shaft[-6]
    normal = random.standard_normal(3) * np.array([1.0, 1.0, 0.35])
    end = bend(shaft[-1], direction, normal, tip)
    curve = np.concatenate([shaft, end[1:]])
    return np.asarray(curve + (target - curve[-1]))


def end_on(
    points: FloatArray, from_tip_mm: FloatArray, at_mm: float, length_mm: float, towards: FloatArray
) -> FloatArray:
    """Turn a stretch of a curve along the beam, so that it is foreshortened; its end stays where it is.

    Parameters
    ----------
    points : (n, 3)
        A curve.
    from_tip_mm : (n,)
        How far each point is from its end.
    at_mm, length_mm
        Middle and length of the stretch; it comes in and goes out smoothly within.
    towards : (3,)
        Which way the stretch runs, of length 1 or so.
    """
    steps = np.diff(points, axis=0)
    lengths = np.linalg.norm(steps, axis=1, keepdims=True)
    share = smoothstep(2.0 - 2.0 * np.abs(from_tip_mm[1:] - at_mm) / (0.5 * length_mm))[:, None]
    turned = (1.0 - share) * steps / lengths + share * towards
    turned *= lengths / np.linalg.norm(turned, axis=1, keepdims=True)
    curve = np.concatenate([np.zeros((1, 3)), np.cumsum(turned, axis=0)])
    return np.asarray(curve + (points[-1] - curve[-1]))
