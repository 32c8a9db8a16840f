"""Random smooth curves in the image plane, as devices, vessels and wires run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]
STEP_PX = 0.5
"""Distance between neighbouring points of a curve."""


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """Draw a number whose logarithm is uniform between those of `low` and `high`."""
    return low * float((high / low) ** rng.random())


def share(rng: np.random.Generator, shares: dict[str, float]) -> str:
    """Draw a name by its share; the shares need not add up to 1."""
    at = rng.random() * sum(shares.values())
    for name, size in shares.items():
        at -= size
        if at < 0.0:
            return name
    return name


def bend(rng: np.random.Generator, n: int, radius_px: float) -> Array:
    """Give a curvature profile (n,) in 1/px that wanders smoothly with about 1 / `radius_px`."""
    knots = max(2, int(n * STEP_PX / rng.uniform(30.0, 120.0)) + 2)
    values = rng.normal(0.0, 1.0 / radius_px, knots)
    return np.interp(np.linspace(0.0, knots - 1.0, n), np.arange(knots), values).astype(np.float32)


def hook(rng: np.random.Generator, curvature: Array, kind: str = "") -> None:
    """Bend the distal end in place as catheters are made: J, pigtail, two bends (Judkins), or a slight angle."""
    n = len(curvature)
    side = 1.0 if rng.random() < 0.5 else -1.0
    if not kind:
        kind = ("angle", "j", "double")[rng.integers(3)]

    def turn(from_end_px: float, angle: float, radius_px: float) -> None:
        last = n - int(from_end_px / STEP_PX)
        first = last - int(abs(angle) * radius_px / STEP_PX)
        curvature[max(0, first) : max(0, last)] += np.sign(angle) / radius_px

    if kind == "angle":
        turn(rng.uniform(0.0, 12.0), side * rng.uniform(0.2, 1.0), rng.uniform(8.0, 25.0))
    elif kind == "j":
        turn(rng.uniform(0.0, 25.0), side * rng.uniform(1.0, 3.0), rng.uniform(8.0, 40.0))
    elif kind == "double":
        turn(rng.uniform(2.0, 15.0), side * rng.uniform(0.6, 1.7), rng.uniform(6.0, 18.0))
        second = side * (1.0 if rng.random() < 0.5 else -1.0) * rng.uniform(0.5, 2.6)
        turn(rng.uniform(35.0, 90.0), second, rng.uniform(12.0, 50.0))
    else:
        radius_px = rng.uniform(6.0, 15.0)
        inner = rng.uniform(2.5, 4.5)
        turn(0.0, side * inner, radius_px * rng.uniform(0.7, 0.95))
        turn(inner * radius_px * 0.85, side * rng.uniform(1.5, 3.2), radius_px)


def foreshorten(rng: np.random.Generator, curve: Array) -> tuple[Array, Array]:
    """Turn a stretch of a curve towards the viewer: gives the curve (n, 2) and by how much it grows denser (n,)."""
    n = len(curve)
    middle, reach = rng.uniform(0.3, 1.02) * n, rng.uniform(8.0, 40.0) / STEP_PX
    bell = np.exp(-0.5 * ((np.arange(n) - middle) / (0.5 * reach)) ** 2)
    shown = (1.0 - rng.uniform(0.5, 0.93) * bell).astype(np.float32)
    steps = np.diff(curve, axis=0, prepend=curve[:1])
    return (curve[0] + np.cumsum(steps * shown[:, None], axis=0)).astype(np.float32), shown**-0.8


def trace(start: tuple[float, float], heading: float, curvature: Array) -> Array:
    """Follow a curvature profile from `start`; gives (n, 2) points (x, y), half a px apart."""
    headings = heading + np.cumsum(curvature) * STEP_PX
    steps = np.stack([np.cos(headings), np.sin(headings)], axis=1) * STEP_PX
    return (np.array(start) + np.cumsum(steps, axis=0)).astype(np.float32)


def entering(rng: np.random.Generator, size: int, length_px: float, radius_px: float, *, hooked: str = "") -> Array:
    """Give a curve that enters a square image of `size` px from its border and ends `length_px` further on.

    `hooked` names the shape of its end, see `hook`; "any" leaves that to chance.
    """
    along = rng.uniform(0.03, 0.97) * size
    x, y = ((along, -4.0), (along, size + 4.0), (-4.0, along), (size + 4.0, along))[rng.integers(4)]
    aim_x, aim_y = rng.uniform(0.2, 0.8, 2) * size
    heading = float(np.arctan2(aim_y - y, aim_x - x) + rng.normal(0.0, 0.3))
    curvature = bend(rng, int(length_px / STEP_PX), radius_px)
    if hooked:
        hook(rng, curvature, "" if hooked == "any" else hooked)
    return trace((x, y), heading, curvature)


def anywhere(rng: np.random.Generator, size: int, length_px: float, radius_px: float) -> Array:
    """Give a curve that begins at a random place of the image."""
    x, y = rng.uniform(0.0, size, 2)
    curvature = bend(rng, max(4, int(length_px / STEP_PX)), radius_px)
    return trace((float(x), float(y)), float(rng.uniform(0.0, 2 * np.pi)), curvature)
