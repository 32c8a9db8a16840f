"""What is dark and long or small and sharp in X-ray images, and is no device: all of it drawn without any truth."""

from __future__ import annotations

import cv2
import numpy as np

from heartwire.models.xray.curves import STEP_PX, Array, anywhere, bend, entering, log_uniform, trace
from heartwire.models.xray.strokes import Mask, stroke


def _line(depth: Array, scrap: Mask, curve: Array, half: Array, level: float, lumen: float = 0.0) -> None:
    density = np.full(len(curve), level, np.float32)
    stroke(depth, scrap, curve, half, density, lumen, 0.8 if lumen else 0.0, 0.5, False)


def draw_vessels(rng: np.random.Generator, depth: Array, root: tuple[float, float] | None = None) -> None:
    """Add a contrast-filled tree; from `root` (x, y) where given, else from anywhere."""
    size = depth.shape[0]
    scrap = np.zeros(depth.shape, np.uint8)
    level = log_uniform(rng, 0.06, 0.7)
    width = rng.uniform(3.0, 12.0)
    x, y = root if root is not None else tuple(rng.uniform(0.0, size, 2))
    waiting = [(float(x), float(y), float(rng.uniform(0, 2 * np.pi)), width)]
    tree = np.zeros_like(depth)
    for _ in range(rng.integers(2, 8)):
        if not waiting:
            break
        x, y, heading, wide = waiting.pop(0)
        n = int(rng.uniform(30.0, 180.0) / STEP_PX)
        curve = trace((x, y), heading, bend(rng, n, rng.uniform(12.0, 60.0)))
        half = np.linspace(wide / 2, max(0.6, wide * rng.uniform(0.2, 0.5)), n, dtype=np.float32)
        branch = np.zeros_like(depth)
        _line(branch, scrap, curve, half, level * np.sqrt(wide / width))
        np.maximum(tree, branch, out=tree)
        for _ in range(rng.integers(1, 3)):
            at = rng.integers(n // 4, n)
            way = curve[at] - curve[at - 3]
            turn = rng.choice((-1.0, 1.0)) * rng.uniform(0.3, 1.2)
            where = float(curve[at, 0]), float(curve[at, 1])
            waiting.append((*where, float(np.arctan2(way[1], way[0]) + turn), float(half[at] * 2 * 0.75)))
    if rng.random() < 0.4:
        tree = cv2.GaussianBlur(tree, (0, 0), rng.uniform(0.6, 3.0))
    depth += tree


def _puff(rng: np.random.Generator, depth: Array) -> None:
    size = depth.shape[0]
    spot = np.zeros_like(depth)
    centre = tuple(int(v) for v in rng.uniform(0, size, 2))
    axes = int(log_uniform(rng, 2.0, 40.0)), int(log_uniform(rng, 2.0, 40.0))
    cv2.ellipse(spot, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(log_uniform(rng, 0.03, 0.7)), -1)
    depth += cv2.GaussianBlur(spot, (0, 0), log_uniform(rng, 0.5, 8.0))


def _bar(rng: np.random.Generator, depth: Array) -> None:
    size = depth.shape[0]
    spot = np.zeros_like(depth)
    centre = tuple(float(v) for v in rng.uniform(0, size, 2))
    sides = log_uniform(rng, 2.0, 30.0), log_uniform(rng, 6.0, 200.0)
    corners = cv2.boxPoints((centre, sides, float(rng.uniform(0, 180)))).astype(np.int32)
    level = float(log_uniform(rng, 0.03, 0.5))
    if rng.random() < 0.7 and sides[0] > 5.0:
        cv2.fillPoly(spot, [corners], level)
    else:
        cv2.polylines(spot, [corners], True, level, 1)
    depth += cv2.GaussianBlur(spot, (0, 0), log_uniform(rng, 0.5, 4.0))


def _sternal_wire(rng: np.random.Generator, depth: Array) -> None:
    scrap = np.zeros(depth.shape, np.uint8)
    length = rng.uniform(20.0, 70.0)
    n = int(length / STEP_PX)
    turns = np.full(n, rng.choice((-1.0, 1.0)) * rng.uniform(3.5, 7.5) / length, np.float32)
    x, y = rng.uniform(0, depth.shape[0], 2)
    curve = trace((float(x), float(y)), float(rng.uniform(0, 6.3)), turns + bend(rng, n, 20.0))
    _line(depth, scrap, curve, np.full(n, rng.uniform(0.8, 1.8), np.float32), log_uniform(rng, 0.15, 1.2))


def _clip(rng: np.random.Generator, depth: Array) -> None:
    scrap = np.zeros(depth.shape, np.uint8)
    curve = anywhere(rng, depth.shape[0], rng.uniform(3.0, 14.0), 60.0)
    _line(depth, scrap, curve, np.full(len(curve), rng.uniform(0.8, 2.5), np.float32), log_uniform(rng, 0.2, 1.5))


def _rib(rng: np.random.Generator, depth: Array) -> None:
    scrap = np.zeros(depth.shape, np.uint8)
    band = np.zeros_like(depth)
    curve = entering(rng, depth.shape[0], 420.0, rng.uniform(150.0, 600.0), hooked=False)
    half = np.full(len(curve), rng.uniform(7.0, 26.0), np.float32)
    _line(band, scrap, curve, half, log_uniform(rng, 0.03, 0.3), float(rng.choice((0.0, 0.85, 0.93))))
    depth += cv2.GaussianBlur(band, (0, 0), rng.uniform(0.8, 3.0))


def _lead(rng: np.random.Generator, depth: Array) -> None:
    """Add a cable across the field with an electrode's button on it."""
    scrap = np.zeros(depth.shape, np.uint8)
    curve = entering(rng, depth.shape[0], rng.uniform(80.0, 420.0), 250.0, hooked=False)
    _line(depth, scrap, curve, np.full(len(curve), rng.uniform(0.8, 2.5), np.float32), log_uniform(rng, 0.04, 0.3))
    spot = np.zeros_like(depth)
    centre = tuple(int(v) for v in curve[-1])
    cv2.circle(spot, centre, int(rng.uniform(5, 13)), log_uniform(rng, 0.1, 0.8), -1 if rng.random() < 0.6 else 2)
    depth += cv2.GaussianBlur(spot, (0, 0), rng.uniform(0.6, 1.5))


def draw_clutter(rng: np.random.Generator, depth: Array, tips: list[tuple[int, float, float]], amount: float) -> None:
    """Add a random mixture to the optical depth (size, size); `amount` scales how much."""
    for kind, share in ((_puff, 0.35), (_bar, 0.25), (_sternal_wire, 0.08), (_clip, 0.12), (_rib, 0.3), (_lead, 0.06)):
        while rng.random() < share * amount:
            kind(rng, depth)
    if rng.random() < 0.3 * amount:
        draw_vessels(rng, depth)
    if tips and rng.random() < 0.2:
        _, x, y = tips[rng.integers(len(tips))]
        draw_vessels(rng, depth, (x, y))
