"""Drawing random catheters and guidewires, with the truth of what was drawn.

Widths and strengths follow measurements on real cine, widened: catheters 2.5-14 px across, wires 1.2-4 px, at the
scale of a frame of 512 px.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from heartwire.models.xray.curves import STEP_PX, Array, anywhere, entering, log_uniform
from heartwire.models.xray.strokes import Mask, stroke

CATHETER, GUIDEWIRE = 0, 1
LEAST_HALF_PX = 1.5


@dataclass
class Canvas:
    """What has been drawn on a square image: optical depth, body masks and tips (class, x, y)."""

    depth: Array
    bodies: tuple[Mask, Mask]
    tips: list[tuple[int, float, float]] = field(default_factory=list)
    weakest: float = 1.0
    """The least optical depth times half width of the devices drawn: noise must not drown it."""

    @classmethod
    def empty(cls, size: int) -> Canvas:
        """Begin with nothing drawn."""
        return cls(
            np.zeros((size, size), np.float32), (np.zeros((size, size), np.uint8), np.zeros((size, size), np.uint8))
        )


def _optical_depth(contrast: float) -> float:
    return float(-np.log(1.0 - contrast))


def _along(rng: np.random.Generator, curve: Array, level: float) -> Array:
    """Give a density along the curve: slowly varying, at times fading in or braided."""
    n = len(curve)
    knots = max(2, n // 120 + 2)
    slow = np.interp(np.linspace(0, knots - 1, n), np.arange(knots), rng.uniform(0.75, 1.25, knots))
    density = (level * slow).astype(np.float32)
    if rng.random() < 0.12:
        period = rng.uniform(3.0, 9.0) / STEP_PX
        density *= 1.0 + rng.uniform(0.1, 0.35) * np.sin(np.arange(n, dtype=np.float32) * (2 * np.pi / period))
    return density


def _tip_look(rng: np.random.Generator, density: Array, half: Array, first: int = 0) -> None:
    """Change the distal end in place: darker or paler tip, marker bands, electrodes, taper."""
    n = len(density)
    look = rng.choice(("plain", "dark", "pale", "marker", "electrodes", "taper"), p=(0.33, 0.22, 0.1, 0.15, 0.08, 0.12))

    def cells(px: float) -> int:
        return max(1, int(px / STEP_PX))

    if look == "dark":
        density[max(first, n - cells(rng.uniform(4.0, 40.0))) :] *= rng.uniform(1.2, 2.6)
    elif look == "pale":
        density[max(first, n - cells(rng.uniform(4.0, 20.0))) :] *= rng.uniform(0.45, 0.8)
    elif look == "marker":
        for _ in range(rng.integers(1, 3)):
            last = n - cells(rng.uniform(0.5, 12.0))
            density[max(first, last - cells(rng.uniform(1.5, 5.0))) : last] *= rng.uniform(1.6, 3.5)
    elif look == "electrodes":
        spacing, length = rng.uniform(5.0, 14.0), rng.uniform(2.0, 5.0)
        factor = rng.uniform(1.5, 3.5)
        for ring in range(rng.integers(2, 11)):
            last = n - cells(ring * spacing + 0.5)
            if last - cells(length) > first:
                density[last - cells(length) : last] *= factor
    elif look == "taper":
        begin = max(first, n - cells(rng.uniform(8.0, 40.0)))
        half[begin:] *= np.linspace(1.0, rng.uniform(0.4, 0.9), n - begin, dtype=np.float32)


def _add_tip(canvas: Canvas, kind: int, curve: Array, reach_px: float = 0.0) -> None:
    size = canvas.depth.shape[0]
    way = curve[-1] - curve[-4]
    x, y = curve[-1] + way / (np.hypot(way[0], way[1]) + 1e-6) * reach_px
    if 1.0 <= x <= size - 2.0 and 1.0 <= y <= size - 2.0:
        canvas.tips.append((kind, float(x), float(y)))


def _curve(rng: np.random.Generator, size: int, radius_px: float, hooked_share: float) -> Array:
    length = log_uniform(rng, 45.0, 430.0)
    return entering(rng, size, length, radius_px, hooked=rng.random() < hooked_share)


def _fade_in(rng: np.random.Generator, density: Array) -> None:
    """Let the proximal part be too faint to see."""
    n = len(density)
    begin = int(rng.uniform(0.1, 0.6) * n)
    ramp = min(n - begin, int(rng.uniform(10.0, 60.0) / STEP_PX))
    density[:begin] = 0.0
    density[begin : begin + ramp] *= np.linspace(0.0, 1.0, ramp, dtype=np.float32)


def _put(
    canvas: Canvas, kind: int, curve: Array, half: Array, density: Array, *, lumen: float, filled: float, blunt: bool
) -> None:
    visible = np.where(density > 0.35 * np.median(density[density > 0.0]), density, np.float32(0.0))
    stroke(canvas.depth, canvas.bodies[kind], curve, half, visible, lumen, filled, LEAST_HALF_PX, blunt)
    strength = float(np.median(visible[visible > 0.0]) * np.sqrt(np.median(half)))
    canvas.weakest = min(canvas.weakest, strength)


def draw_wire(rng: np.random.Generator, canvas: Canvas, curve: Array | None = None, tip_share: float = 1.0) -> None:
    """Draw a guidewire; at times only its opaque end."""
    size = canvas.depth.shape[0]
    if curve is None:
        curve = _curve(rng, size, log_uniform(rng, 30.0, 250.0), 0.5)
    half = np.full(len(curve), log_uniform(rng, 1.2, 4.0) / 2, np.float32)
    density = _along(rng, curve, _optical_depth(log_uniform(rng, 0.09, 0.8)))
    look = rng.random()
    opaque = int(rng.uniform(15.0, 90.0) / STEP_PX)
    if look < 0.2:
        density[:-opaque] = 0.0
        density[-opaque:] *= 1.3
    elif look < 0.5:
        density[:-opaque] *= rng.uniform(0.4, 0.8)
        half[:-opaque] *= rng.uniform(0.7, 1.0)
    _put(canvas, GUIDEWIRE, curve, half, density, lumen=0.0, filled=0.0, blunt=False)
    if rng.random() < tip_share:
        _add_tip(canvas, GUIDEWIRE, curve, float(half[-1]) * 0.5)


def draw_catheter(rng: np.random.Generator, canvas: Canvas) -> None:
    """Draw a catheter, at times with a wire running on beyond its tip."""
    size = canvas.depth.shape[0]
    straight = rng.random() < 0.15
    curve = _curve(rng, size, 800.0 if straight else log_uniform(rng, 40.0, 400.0), 0.0 if straight else 0.75)
    if rng.random() < 0.05:
        curve = anywhere(rng, size, rng.uniform(60.0, 200.0), 120.0)
    wide_px = rng.uniform(4.0, 13.0) if rng.random() < 0.8 else rng.uniform(2.5, 14.0)
    half = np.full(len(curve), wide_px / 2, np.float32)
    density = _along(rng, curve, _optical_depth(log_uniform(rng, 0.06, 0.65)))
    lumen, filled = 0.0, 0.0
    if rng.random() < 0.55:
        lumen, filled = rng.uniform(0.45, 0.85), rng.uniform(0.5, 1.0)
        if rng.random() < 0.45:  # thin walls, between them hardly darker than around
            lumen, filled = rng.uniform(0.75, 0.93), rng.uniform(0.85, 1.0)
    if rng.random() < 0.15:  # a wide device at the end of a thinner shaft
        step = int(len(curve) * rng.uniform(0.2, 0.7))
        half[:step] *= rng.uniform(0.3, 0.7)
        density[:step] *= rng.uniform(0.5, 1.0)
    wire_beyond = rng.random() < 0.25
    last = int(len(curve) * rng.uniform(0.35, 0.9)) if wire_beyond else len(curve)
    body = curve[:last]
    half, density = half[:last].copy(), density[:last].copy()
    _tip_look(rng, density, half)
    if rng.random() < 0.1:
        _fade_in(rng, density)
    blunt = wire_beyond or rng.random() < 0.6
    _put(canvas, CATHETER, body, half, density, lumen=lumen, filled=filled, blunt=blunt)
    _add_tip(canvas, CATHETER, body, 0.0 if blunt else float(half[-1]) * 0.7)
    if not wire_beyond:
        return
    inside = curve if rng.random() < 0.5 else curve[max(0, last - 8) :]
    outside = Canvas.empty(size)
    outside.depth = canvas.depth
    draw_wire(rng, outside, inside)
    outside.bodies[GUIDEWIRE][canvas.bodies[CATHETER] > 0] = 0
    np.maximum(canvas.bodies[GUIDEWIRE], outside.bodies[GUIDEWIRE], out=canvas.bodies[GUIDEWIRE])
    canvas.tips += outside.tips


def draw_devices(rng: np.random.Generator, size: int) -> Canvas:
    """Draw none to four devices: wires alone in a third of the images, several devices that may cross in another."""
    canvas = Canvas.empty(size)
    kind = rng.random()
    if kind < 0.12:
        return canvas
    if kind < 0.42:
        for _ in range(1 if rng.random() < 0.8 else 2):
            draw_wire(rng, canvas)
        return canvas
    for _ in range(1 if rng.random() < 0.7 else rng.integers(2, 4)):
        draw_catheter(rng, canvas)
    if rng.random() < 0.12:
        draw_wire(rng, canvas)
    return canvas
