"""What is dark and long or small and sharp in X-ray images, and is no device: all of it drawn without any truth.

Three layers of optical depth: what lies in the chest and moves with it, contrast agent, and what lies on the patient
or the table and stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from heartwire.models.xray.curves import STEP_PX, Array, anywhere, bend, entering, log_uniform, trace
from heartwire.models.xray.strokes import Mask, stroke


@dataclass
class Clutter:
    """Optical depth (size, size) in the chest, of contrast agent, and outside the patient."""

    chest: Array
    dye: Array
    outside: Array


def _soft(depth: Array, low: Array, high: Array, sigma_px: float, draw: Callable[[Array, Array], None]) -> None:
    """Add what `draw(patch, origin)` draws between two corners (x, y), blurred, to `depth`: blurs that box alone."""
    margin = 3.0 * sigma_px + 2.0
    x0, y0 = np.maximum(low - margin, 0.0).astype(int)
    x1, y1 = np.minimum(high + margin + 1.0, depth.shape[0]).astype(int)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    patch = np.zeros((y1 - y0, x1 - x0), np.float32)
    draw(patch, np.array([x0, y0]))
    depth[y0:y1, x0:x1] += soften(patch, sigma_px)


def soften(image: Array, sigma_px: float) -> Array:
    """Blur; wide blurs go at a part of the resolution."""
    step = int(sigma_px / 2.0)
    if step < 2 or min(image.shape) < 4 * step:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px))
    coarse = cv2.resize(image, None, fx=1.0 / step, fy=1.0 / step, interpolation=cv2.INTER_AREA)
    coarse = cv2.GaussianBlur(coarse, (0, 0), sigma_px / step)
    return np.asarray(cv2.resize(coarse, image.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _line(depth: Array, curve: Array, half: float | Array, level: float, lumen: float = 0.0) -> None:
    n = len(curve)
    wide = np.full(n, half, np.float32) if isinstance(half, float) else half
    scrap = np.zeros(depth.shape, np.uint8)
    filled = 0.8 if lumen else 0.0
    stroke(depth, scrap, curve, wide, np.full(n, level, np.float32), lumen, filled, 0.5, False, False, False)


def draw_vessels(rng: np.random.Generator, depth: Array, root: tuple[float, float] | None = None) -> None:
    """Add a contrast-filled tree; from `root` (x, y) where given, else from anywhere."""
    size = depth.shape[0]
    scrap: Mask = np.zeros(depth.shape, np.uint8)
    level = log_uniform(rng, 0.06, 0.9)
    width = rng.uniform(3.0, 13.0)
    x, y = root if root is not None else tuple(rng.uniform(0.0, size, 2))
    waiting = [(float(x), float(y), float(rng.uniform(0, 2 * np.pi)), width)]
    tree = np.zeros_like(depth)
    for _ in range(rng.integers(2, 9)):
        if not waiting:
            break
        x, y, heading, wide = waiting.pop(0)
        n = int(rng.uniform(30.0, 180.0) / STEP_PX)
        curve = trace((x, y), heading, bend(rng, n, rng.uniform(12.0, 60.0)))
        half = np.linspace(wide / 2, max(0.6, wide * rng.uniform(0.2, 0.5)), n, dtype=np.float32)
        if rng.random() < 0.25:  # a narrowing, or a blunt stop
            at = rng.uniform(0.2, 1.0) * n
            half *= 1.0 - rng.uniform(0.3, 0.9) * np.exp(-(((np.arange(n, dtype=np.float32) - at) / 12.0) ** 2))
        full = np.full(n, level * np.sqrt(wide / width), np.float32)
        stroke(tree, scrap, curve, half, full, 0.0, 0.0, 0.5, False, False, True)
        for _ in range(rng.integers(1, 3)):
            at = int(rng.integers(n // 4, n))
            way = curve[at] - curve[at - 3]
            turn = (1.0 if rng.random() < 0.5 else -1.0) * rng.uniform(0.3, 1.2)
            where = float(curve[at, 0]), float(curve[at, 1])
            waiting.append((*where, float(np.arctan2(way[1], way[0]) + turn), float(half[at] * 2 * 0.75)))
    if rng.random() < 0.4:
        tree = soften(tree, rng.uniform(0.6, 3.0))
    depth += tree


def _puff(rng: np.random.Generator, depth: Array) -> None:
    centre = rng.uniform(0, depth.shape[0], 2).astype(np.float32)
    axes = int(log_uniform(rng, 2.0, 40.0)), int(log_uniform(rng, 2.0, 40.0))
    angle, level = float(rng.uniform(0, 180)), log_uniform(rng, 0.03, 0.7)

    def draw(patch: Array, origin: Array) -> None:
        at = (centre - origin).astype(int)
        cv2.ellipse(patch, (int(at[0]), int(at[1])), axes, angle, 0, 360, level, -1)

    _soft(depth, centre - max(axes), centre + max(axes), log_uniform(rng, 0.5, 8.0), draw)


def _bar(rng: np.random.Generator, depth: Array) -> None:
    centre = rng.uniform(0, depth.shape[0], 2).astype(np.float32)
    sides = log_uniform(rng, 2.0, 30.0), log_uniform(rng, 6.0, 200.0)
    corners = cv2.boxPoints(((float(centre[0]), float(centre[1])), sides, float(rng.uniform(0, 180))))
    level = log_uniform(rng, 0.03, 0.5)
    whole = rng.random() < 0.7 and sides[0] > 5.0

    def draw(patch: Array, origin: Array) -> None:
        at = [(corners - origin).astype(np.int32)]
        if whole:
            cv2.fillPoly(patch, at, level)
        else:
            cv2.polylines(patch, at, True, level, 1)

    _soft(depth, corners.min(axis=0), corners.max(axis=0), log_uniform(rng, 0.5, 4.0), draw)


def _spine(rng: np.random.Generator, depth: Array) -> None:
    """Add a row of vertebrae with denser end plates."""
    size = depth.shape[0]
    wide, tall = rng.uniform(45.0, 110.0), rng.uniform(35.0, 80.0)
    gap = tall * rng.uniform(0.1, 0.22)
    x, lean, y = rng.uniform(0.1, 0.9) * size, rng.normal(0.0, 0.15), -rng.uniform(0.0, tall)
    level, plate = log_uniform(rng, 0.06, 0.4), rng.uniform(0.2, 0.9)
    row = np.zeros((size // 2, size // 2), np.float32)
    while y < size:
        middle = (float(x + lean * y) / 2, float(y + tall / 2) / 2)
        turn = float(np.degrees(-lean) + rng.normal(0.0, 1.5))
        corners = cv2.boxPoints((middle, (wide / 2, tall / 2), turn)).astype(np.int32)
        cv2.fillPoly(row, [corners], level)
        cv2.polylines(row, [corners], True, level * (1.0 + plate), 1 if rng.random() < 0.6 else 2)
        if rng.random() < 0.7:
            for side in (-1, 1):  # pedicles
                at = int(middle[0] + side * wide * 0.15), int(middle[1] - tall * 0.06)
                cv2.ellipse(row, at, (max(1, int(wide * 0.04)), max(1, int(tall * 0.09))), 0, 0, 360, level * 1.6, -1)
        y += tall + gap
    row = cv2.GaussianBlur(row, (0, 0), rng.uniform(0.6, 2.0))
    depth += cv2.resize(row, depth.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _diaphragm(rng: np.random.Generator, depth: Array) -> None:
    size = depth.shape[0]
    shape = np.zeros((size // 2, size // 2), np.uint8)
    radius = rng.uniform(0.5, 1.5) * size
    centre = int(rng.uniform(0.0, 1.0) * size / 2), int((rng.uniform(0.45, 0.95) * size + radius) / 2)
    cv2.ellipse(shape, centre, (int(radius * rng.uniform(0.6, 1.2) / 2), int(radius / 2)), 0, 0, 360, 1, -1)
    edge = soften(shape.astype(np.float32), log_uniform(rng, 0.5, 4.0))
    depth += cv2.resize(edge, depth.shape[::-1], interpolation=cv2.INTER_LINEAR) * np.float32(
        log_uniform(rng, 0.1, 0.8)
    )


def _sternal_wire(rng: np.random.Generator, depth: Array) -> None:
    """Add one to four closed loops of steel wire, one below the other."""
    x, y = rng.uniform(0, depth.shape[0], 2)
    length, half, level = rng.uniform(20.0, 70.0), rng.uniform(0.8, 1.8), log_uniform(rng, 0.15, 1.2)
    for _ in range(rng.integers(1, 5)):
        n = int(length / STEP_PX)
        side = 1.0 if rng.random() < 0.5 else -1.0
        turns = np.full(n, side * rng.uniform(3.5, 7.5) / length, np.float32)
        curve = trace((float(x), float(y)), float(rng.uniform(0, 6.3)), turns + bend(rng, n, 20.0))
        _line(depth, curve, half, level)
        x, y = x + rng.normal(0.0, 6.0), y + rng.uniform(40.0, 90.0)


def _clip(rng: np.random.Generator, depth: Array) -> None:
    _line(
        depth, anywhere(rng, depth.shape[0], rng.uniform(3.0, 14.0), 60.0), rng.uniform(0.8, 2.5),
        log_uniform(rng, 0.2, 1.5),
    )  # fmt: skip


def _coil(rng: np.random.Generator, depth: Array) -> None:
    """Add a tangle of wire, as embolisation coils are."""
    curve = anywhere(rng, depth.shape[0], rng.uniform(60.0, 220.0), rng.uniform(3.0, 9.0))
    _line(depth, curve, rng.uniform(0.6, 1.5), log_uniform(rng, 0.1, 0.8))


def _stent(rng: np.random.Generator, depth: Array) -> None:
    """Add a tube of thin crossing struts."""
    length, half = rng.uniform(25.0, 110.0), rng.uniform(3.0, 12.0)
    axis = anywhere(rng, depth.shape[0], length, 150.0)
    way = np.gradient(axis, axis=0)
    across = np.stack([-way[:, 1], way[:, 0]], axis=1) / (np.hypot(*way.T)[:, None] + 1e-6)
    period = rng.uniform(5.0, 14.0) / STEP_PX
    level = log_uniform(rng, 0.05, 0.5)
    for turn in (0.0, np.pi):
        swing = half * np.sin(np.arange(len(axis)) * (2 * np.pi / period) + turn)
        _line(depth, (axis + across * swing[:, None]).astype(np.float32), rng.uniform(0.5, 1.0), level)


def _rib(rng: np.random.Generator, depth: Array) -> None:
    """Add one to three ribs side by side."""
    curve = entering(rng, depth.shape[0], 420.0, rng.uniform(150.0, 600.0))
    half, level = rng.uniform(7.0, 26.0), log_uniform(rng, 0.03, 0.3)
    lumen = (0.0, 0.85, 0.93)[rng.integers(3)]
    step = half * rng.uniform(2.5, 4.0)
    way = curve[-1] - curve[0]
    aside = np.array([-way[1], way[0]], np.float32) / (np.hypot(*way) + 1e-6)
    # At half the scale: a rib has no fine detail.
    band = np.zeros((depth.shape[0] // 2, depth.shape[0] // 2), np.float32)
    for k in range(rng.integers(1, 4)):
        _line(band, (curve[::2] + aside * np.float32(step * k)) * np.float32(0.5), half / 2, level, lumen)
    band = cv2.GaussianBlur(band, (0, 0), rng.uniform(0.4, 1.5))
    depth += cv2.resize(band, depth.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _lead(rng: np.random.Generator, depth: Array) -> None:
    """Add an ECG cable across the field with an electrode's button on it."""
    curve = entering(rng, depth.shape[0], rng.uniform(80.0, 420.0), 250.0)
    _line(depth, curve, rng.uniform(0.8, 2.5), log_uniform(rng, 0.04, 0.3))
    radius = int(rng.uniform(5, 13))
    level, thick = log_uniform(rng, 0.1, 0.8), -1 if rng.random() < 0.6 else 2

    def draw(patch: Array, origin: Array) -> None:
        at = (curve[-1] - origin).astype(int)
        cv2.circle(patch, (int(at[0]), int(at[1])), radius, level, thick)

    _soft(depth, curve[-1] - radius - 2, curve[-1] + radius + 2, rng.uniform(0.6, 1.5), draw)


def _pacemaker(rng: np.random.Generator, depth: Array) -> None:
    """Add a generator, dense and round-cornered, with the coiled leads that leave it."""
    size = depth.shape[0]
    centre = rng.uniform(0.0, 1.0, 2) * size
    side = rng.uniform(40.0, 90.0)
    corners = cv2.boxPoints(
        ((float(centre[0]), float(centre[1])), (side, side * rng.uniform(0.7, 1.1)), float(rng.uniform(0, 180)))
    )
    level = rng.uniform(0.6, 2.5)

    def draw(patch: Array, origin: Array) -> None:
        at = [(corners - origin).astype(np.int32)]
        cv2.fillPoly(patch, at, level)
        cv2.polylines(patch, at, True, level, 9)

    _soft(depth, corners.min(axis=0) - 5, corners.max(axis=0) + 5, rng.uniform(0.6, 1.5), draw)
    for _ in range(rng.integers(1, 3)):
        n = int(rng.uniform(120.0, 420.0) / STEP_PX)
        start = float(centre[0]), float(centre[1])
        curve = trace(start, float(rng.uniform(0, 6.3)), bend(rng, n, rng.uniform(25.0, 90.0)))
        coil = np.full(n, rng.uniform(0.15, 0.5), np.float32)
        coil *= 1.0 + 0.5 * np.sin(np.arange(n, dtype=np.float32) * (2 * np.pi / rng.uniform(4.0, 8.0)))
        scrap = np.zeros(depth.shape, np.uint8)
        half = np.full(n, rng.uniform(1.2, 2.5), np.float32)
        stroke(depth, scrap, curve, half, coil, 0.0, 0.0, 0.5, False, False, False)


_IN_THE_CHEST = (
    (_puff, 0.35), (_bar, 0.15), (_sternal_wire, 0.08), (_clip, 0.12), (_rib, 0.3), (_coil, 0.02), (_stent, 0.04),
    (_spine, 0.15), (_diaphragm, 0.12),
)  # fmt: skip
_OUTSIDE = ((_bar, 0.1), (_lead, 0.07), (_pacemaker, 0.035))


def draw_clutter(
    rng: np.random.Generator, size: int, tips: list[tuple[int, float, float]], amount: float, *, devices: bool
) -> Clutter:
    """Draw a random mixture; `amount` scales how much, and a field without devices gets more of it."""
    layers = np.zeros((3, size, size), np.float32)
    clutter = Clutter(*layers)
    more = amount if devices else min(1.0, 2.0 * amount)
    for kinds, depth in ((_IN_THE_CHEST, clutter.chest), (_OUTSIDE, clutter.outside)):
        for kind, often in kinds:
            while rng.random() < min(0.6, often * more):
                kind(rng, depth)
    if rng.random() < (0.25 * amount if devices else 0.55):
        draw_vessels(rng, clutter.dye)
    if tips and rng.random() < 0.22:
        _, x, y = tips[rng.integers(len(tips))]
        draw_vessels(rng, clutter.dye, (x, y))
    return clutter
