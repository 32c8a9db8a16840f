"""Drawing random catheters and guidewires, with the truth of what was drawn.

Widths and strengths follow measurements on real cine, widened: catheters 2.5-16 px across, wires 1.2-4 px, at the
scale of a frame of 512 px.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from heartwire.models.xray.curves import STEP_PX, Array, anywhere, entering, foreshorten, log_uniform, share
from heartwire.models.xray.strokes import Mask, stroke

CATHETER, GUIDEWIRE = 0, 1
LEAST_HALF_PX = 1.5
KINDS = ("catheter", "two-wall", "pigtail", "wire", "electrode-catheter", "balloon", "blunt-wide")
"""Kinds of device that a look can name."""


@dataclass
class Canvas:
    """What has been drawn on a square image: optical depth, body masks, tips (class, x, y) and electrodes (x, y)."""

    depth: Array
    bodies: tuple[Mask, Mask]
    unmarked: Mask
    """Parts of devices that are neither body nor background: balloons."""
    tips: list[tuple[int, float, float]] = field(default_factory=list)
    electrodes: list[tuple[float, float]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)
    weakest: float = 1.0
    """The least optical depth times root of half width of the devices drawn: noise must not drown it."""

    @classmethod
    def empty(cls, size: int) -> Canvas:
        """Begin with nothing drawn."""
        marks = np.zeros((3, size, size), np.uint8)
        return cls(np.zeros((size, size), np.float32), (marks[0], marks[1]), marks[2])

    def holds(self, x: float, y: float) -> bool:
        """Say whether a point lies inside, a px from the border or more."""
        far = self.depth.shape[0] - 2.0
        return bool(1.0 <= x <= far and 1.0 <= y <= far)

    def shows(self, kind: int, x: float, y: float) -> bool:
        """Say whether a device of a class is drawn at a point or next to it: some parts are too faint."""
        row, column = int(y), int(x)
        return bool(self.bodies[kind][max(0, row - 2) : row + 3, max(0, column - 2) : column + 3].any())


def _cells(px: float) -> int:
    return max(1, int(px / STEP_PX))


def _optical_depth(contrast: float) -> float:
    return float(-np.log(1.0 - contrast))


def _along(rng: np.random.Generator, n: int, level: float) -> Array:
    """Give a density along a curve of n points: slowly varying, at times braided."""
    knots = max(2, n // 120 + 2)
    slow = np.interp(np.linspace(0, knots - 1, n), np.arange(knots), rng.uniform(0.75, 1.25, knots))
    density = (level * slow).astype(np.float32)
    if rng.random() < 0.12:
        period = rng.uniform(3.0, 9.0) / STEP_PX
        density *= 1.0 + rng.uniform(0.1, 0.35) * np.sin(np.arange(n, dtype=np.float32) * (2 * np.pi / period))
    return density


_TIP_LOOKS = {"plain": 0.36, "dark": 0.24, "pale": 0.11, "marker": 0.16, "taper": 0.13}


def _tip_look(rng: np.random.Generator, density: Array, half: Array) -> None:
    """Change the distal end in place: darker or paler tip, marker bands, taper."""
    n = len(density)
    look = share(rng, _TIP_LOOKS)
    if look == "dark":
        density[max(0, n - _cells(rng.uniform(4.0, 40.0))) :] *= rng.uniform(1.2, 2.6)
    elif look == "pale":
        density[max(0, n - _cells(rng.uniform(4.0, 20.0))) :] *= rng.uniform(0.45, 0.8)
    elif look == "marker":
        for _ in range(rng.integers(1, 3)):
            last = n - _cells(rng.uniform(0.5, 12.0))
            density[max(0, last - _cells(rng.uniform(1.5, 5.0))) : last] *= rng.uniform(1.6, 3.5)
    elif look == "taper":
        begin = max(0, n - _cells(rng.uniform(8.0, 40.0)))
        half[begin:] *= np.linspace(1.0, rng.uniform(0.4, 0.9), n - begin, dtype=np.float32)


def _add_tip(canvas: Canvas, kind: int, curve: Array, reach_px: float = 0.0) -> None:
    way = curve[-1] - curve[-4]
    x, y = curve[-1] + way / (np.hypot(way[0], way[1]) + 1e-6) * reach_px
    if canvas.holds(x, y) and canvas.shows(kind, x, y):
        canvas.tips.append((kind, float(x), float(y)))


def _curve(rng: np.random.Generator, size: int, radius_px: float, hooked: str) -> tuple[Array, Array]:
    """Give a curve that enters the image, at times seen end on somewhere, and how dense it is for that."""
    curve = entering(rng, size, log_uniform(rng, 45.0, 430.0), radius_px, hooked=hooked)
    if rng.random() < 0.14:
        return foreshorten(rng, curve)
    return curve, np.ones(len(curve), np.float32)


def _fade_in(rng: np.random.Generator, density: Array) -> None:
    """Let the proximal part be too faint to see."""
    n = len(density)
    begin = int(rng.uniform(0.1, 0.6) * n)
    ramp = min(n - begin, int(rng.uniform(10.0, 60.0) / STEP_PX))
    density[:begin] = 0.0
    density[begin : begin + ramp] *= np.linspace(0.0, 1.0, ramp, dtype=np.float32)


def _put(
    canvas: Canvas,
    kind: int,
    curve: Array,
    half: Array,
    density: Array,
    *,
    lumen: float = 0.0,
    filled: float = 0.0,
    blunt: bool = False,
    over_itself_px: float = 0.0,
) -> None:
    """Draw a device; its last `over_itself_px` lie on top of the rest where they cross."""
    middle = float(np.median(density[density > 0.0]))
    visible = np.where(density > 0.35 * middle, density, np.float32(0.0))
    body = canvas.bodies[kind]
    split = len(curve) - _cells(over_itself_px) if over_itself_px else 0
    if split > 8:
        head = slice(0, split + 1)
        stroke(
            canvas.depth, body, curve[head], half[head], visible[head], lumen, filled, LEAST_HALF_PX, True, False, False
        )
    else:
        split = 0
    rest = slice(split, None)
    stroke(
        canvas.depth, body, curve[rest], half[rest], visible[rest], lumen, filled, LEAST_HALF_PX, blunt, split > 0,
        False,
    )  # fmt: skip
    canvas.weakest = min(canvas.weakest, middle * float(np.sqrt(np.median(half))))


def _balloon(rng: np.random.Generator, canvas: Canvas, curve: Array, density: Array) -> None:
    """Draw a balloon near the end of a curve, from just a shadow to full of contrast, and its two marker bands."""
    length = rng.uniform(18.0, 90.0)
    last = len(curve) - _cells(rng.uniform(2.0, 25.0))
    first = last - _cells(length)
    if first < 8:
        return
    canvas.kinds.add("balloon")
    level = float(density[first:last].mean())
    for at in (first, last):
        band = _cells(rng.uniform(1.5, 4.0))
        density[max(0, at - band) : at] = max(level * rng.uniform(1.5, 3.5), 0.2)
    u = np.linspace(-1.0, 1.0, last - first, dtype=np.float32)
    shape = np.clip((1.0 - np.abs(u)) / rng.uniform(0.1, 0.6), 0.0, 1.0) ** 0.5
    waist = 1.0 - (rng.uniform(0.1, 0.6) if rng.random() < 0.3 else 0.0) * np.exp(-((u / 0.3) ** 2))
    half = (rng.uniform(3.5, 15.0) * shape * waist).astype(np.float32)
    scrap = np.zeros_like(canvas.unmarked)
    inflated = log_uniform(rng, 0.03, 0.9)
    full = (inflated * half / half.max()).astype(np.float32)
    stroke(canvas.depth, scrap, curve[first:last], half, full, 0.0, 0.0, 0.5, True, True, False)
    if inflated > 0.05:
        canvas.unmarked |= scrap


def draw_wire(rng: np.random.Generator, canvas: Canvas, curve: Array | None = None) -> None:
    """Draw a guidewire; at times only its opaque end, at times with a balloon on it."""
    canvas.kinds.add("wire")
    size = canvas.depth.shape[0]
    if curve is None:
        hooked = ("j" if rng.random() < 0.5 else "any") if rng.random() < 0.5 else ""
        curve, denser = _curve(rng, size, log_uniform(rng, 30.0, 250.0), hooked)
    else:
        denser = np.ones(len(curve), np.float32)
    half = np.full(len(curve), log_uniform(rng, 1.2, 4.0) / 2, np.float32)
    density = _along(rng, len(curve), _optical_depth(log_uniform(rng, 0.09, 0.8))) * denser
    look = rng.random()
    opaque = int(rng.uniform(15.0, 90.0) / STEP_PX)
    if look < 0.2:
        density[:-opaque] = 0.0
        density[-opaque:] *= 1.3
    elif look < 0.5:
        density[:-opaque] *= rng.uniform(0.4, 0.8)
        half[:-opaque] *= rng.uniform(0.7, 1.0)
    if rng.random() < 0.08:
        _balloon(rng, canvas, curve, density)
    _put(canvas, GUIDEWIRE, curve, half, density)
    _add_tip(canvas, GUIDEWIRE, curve, float(half[-1]) * 0.5)


def draw_electrode_catheter(rng: np.random.Generator, canvas: Canvas) -> None:
    """Draw a catheter with 2 to 20 ring electrodes, evenly spaced or in pairs, the first at its very tip."""
    size = canvas.depth.shape[0]
    curve, denser = _curve(rng, size, log_uniform(rng, 40.0, 300.0), "any" if rng.random() < 0.3 else "")
    canvas.kinds.add("electrode-catheter")
    n = len(curve)
    half = np.full(n, rng.uniform(3.0, 9.0) / 2, np.float32)
    ring_level = _optical_depth(log_uniform(rng, 0.15, 0.8))
    density = _along(rng, n, ring_level * rng.uniform(0.12, 0.75)) * denser
    along_px = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(curve, axis=0).T))))
    from_tip_px = along_px[-1] - along_px
    length = rng.uniform(2.0, 5.5)
    tip_length = length * (1.0 if rng.random() < 0.5 else rng.uniform(1.0, 3.0))
    spacing = max(log_uniform(rng, 5.0, 25.0), length + 2.0)
    paired = rng.uniform(1.3, 3.5) if rng.random() < 0.35 else 1.0
    wider = rng.uniform(1.0, 1.25)
    rings = []
    place = tip_length / 2
    for ring in range((2, 4, 4, 8, 10, 10, 20)[rng.integers(7)]):
        reach = (length if ring else tip_length) / 2
        on = np.abs(from_tip_px - place) <= reach
        at = int(np.argmin(np.abs(from_tip_px - place)))
        if place > from_tip_px[0] - 4.0:
            break
        density[on] = ring_level
        half[on] *= wider
        if canvas.holds(*curve[at]):
            rings.append((float(curve[at, 0]), float(curve[at, 1])))
        gap = spacing * (paired if ring % 2 else 1.0)
        place += gap + (tip_length / 2 - length / 2 if ring == 0 else 0.0)
    _put(canvas, CATHETER, curve, half, density, blunt=rng.random() < 0.3)
    canvas.electrodes += [ring for ring in rings if canvas.shows(CATHETER, *ring)]
    _add_tip(canvas, CATHETER, curve, float(half[-1]) * 0.6)


def draw_catheter(rng: np.random.Generator, canvas: Canvas) -> None:
    """Draw a catheter, at times with a wire running on beyond its tip."""
    size = canvas.depth.shape[0]
    shape = share(rng, {"straight": 0.14, "pigtail": 0.1, "any": 0.55, "": 0.21})
    hooked = "" if shape == "straight" else shape
    curve, denser = _curve(rng, size, 800.0 if shape == "straight" else log_uniform(rng, 40.0, 400.0), hooked)
    if rng.random() < 0.05 and shape != "pigtail":
        curve = anywhere(rng, size, rng.uniform(60.0, 200.0), 120.0)
        denser = np.ones(len(curve), np.float32)
    wide_px = rng.uniform(4.0, 13.0) if rng.random() < 0.75 else rng.uniform(2.5, 16.0)
    half = np.full(len(curve), wide_px / 2, np.float32)
    density = _along(rng, len(curve), _optical_depth(log_uniform(rng, 0.06, 0.65))) * denser
    lumen, filled = 0.0, 0.0
    if rng.random() < 0.55:
        lumen, filled = rng.uniform(0.45, 0.85), rng.uniform(0.5, 1.0)
        if rng.random() < 0.45:  # thin walls, between them hardly darker than around
            lumen, filled = rng.uniform(0.75, 0.93), rng.uniform(0.85, 1.0)
        canvas.kinds.add("two-wall")
    if rng.random() < 0.15:  # a wide device at the end of a thinner shaft
        step = int(len(curve) * rng.uniform(0.2, 0.7))
        half[:step] *= rng.uniform(0.3, 0.7)
        density[:step] *= rng.uniform(0.5, 1.0)
    wire_beyond = shape != "pigtail" and rng.random() < 0.25
    last = int(len(curve) * rng.uniform(0.35, 0.9)) if wire_beyond else len(curve)
    body = curve[:last]
    half, density = half[:last].copy(), density[:last].copy()
    _tip_look(rng, density, half)
    if rng.random() < 0.1:
        _fade_in(rng, density)
    if rng.random() < 0.04 and shape != "pigtail":
        _balloon(rng, canvas, body, density)
    blunt = wire_beyond or rng.random() < 0.6
    canvas.kinds.add("pigtail" if shape == "pigtail" else "blunt-wide" if blunt and wide_px > 9.0 else "catheter")
    if rng.random() < 0.08 and lumen:  # contrast inside the lumen
        stroke(
            canvas.depth, np.zeros_like(canvas.unmarked), body, half * np.float32(lumen),
            np.full(last, log_uniform(rng, 0.1, 0.8), np.float32), 0.0, 0.0, 0.5, True, False, False,
        )  # fmt: skip
    loop_px = rng.uniform(40.0, 60.0) if shape == "pigtail" else 0.0
    _put(canvas, CATHETER, body, half, density, lumen=lumen, filled=filled, blunt=blunt, over_itself_px=loop_px)
    _add_tip(canvas, CATHETER, body, 0.0 if blunt else float(half[-1]) * 0.7)
    if wire_beyond:
        _wire_beyond(rng, canvas, curve if rng.random() < 0.5 else curve[max(0, last - 8) :])


def draw_delivery(rng: np.random.Generator, canvas: Canvas) -> None:
    """Draw a wide blunt device at the end of a thin shaft, dense in one or two stretches, its wire running on."""
    size = canvas.depth.shape[0]
    curve, denser = _curve(rng, size, log_uniform(rng, 60.0, 350.0), "")
    length = log_uniform(rng, 25.0, 130.0)
    beyond = log_uniform(rng, 8.0, 160.0) if rng.random() < 0.85 else 0.0
    last = len(curve) - int(beyond / STEP_PX)
    first = last - _cells(length)
    if first < 8:
        return
    canvas.kinds.add("blunt-wide")
    wide_px = rng.uniform(6.0, 16.0)
    half = np.full(len(curve), wide_px / 2 * rng.uniform(0.15, 0.55), np.float32)
    half[first:last] = wide_px / 2
    step = _cells(rng.uniform(1.0, 15.0))
    half[max(0, first - step) : first] = np.linspace(half[0], wide_px / 2, min(step, first), dtype=np.float32)
    density = _along(rng, len(curve), _optical_depth(log_uniform(rng, 0.1, 0.6))) * denser
    shaft = rng.uniform(0.25, 0.9)
    density[:first] *= shaft
    if rng.random() < 0.5:  # two dense stretches with a paler one between them
        gap = first + int(rng.uniform(0.3, 0.7) * (last - first))
        density[gap : gap + _cells(rng.uniform(2.0, 0.4 * length + 2.0))] *= rng.uniform(0.3, 0.8)
        density[last:] *= shaft
    body = slice(0, last)
    _put(canvas, CATHETER, curve[body], half[body].copy(), density[body], blunt=True)
    _add_tip(canvas, CATHETER, curve[body])
    if beyond:
        _wire_beyond(rng, canvas, curve[max(0, last - 8) :])


def _wire_beyond(rng: np.random.Generator, canvas: Canvas, curve: Array) -> None:
    """Draw the wire that runs on from a catheter's tip; inside the catheter it is part of that."""
    outside = Canvas.empty(canvas.depth.shape[0])
    outside.depth = canvas.depth
    draw_wire(rng, outside, curve)
    outside.bodies[GUIDEWIRE][canvas.bodies[CATHETER] > 0] = 0
    canvas.bodies[GUIDEWIRE][:] |= outside.bodies[GUIDEWIRE]
    canvas.unmarked |= outside.unmarked
    canvas.tips += [tip for tip in outside.tips if canvas.shows(*tip)]
    canvas.kinds |= outside.kinds


def draw_devices(rng: np.random.Generator, size: int) -> Canvas:
    """Draw none to four devices: wires alone in a third of the images, several devices that may cross in another."""
    canvas = Canvas.empty(size)
    kind = share(rng, {"none": 0.12, "wires": 0.27, "electrodes": 0.12, "delivery": 0.08, "catheters": 0.41})
    if kind == "none":
        return canvas
    if kind == "wires":
        for _ in range(1 if rng.random() < 0.8 else 2):
            draw_wire(rng, canvas)
    elif kind == "electrodes":
        for _ in range(1 if rng.random() < 0.6 else rng.integers(2, 4)):
            draw_electrode_catheter(rng, canvas)
    elif kind == "delivery":
        draw_delivery(rng, canvas)
        if rng.random() < 0.4:
            draw_catheter(rng, canvas)
    else:
        for _ in range(1 if rng.random() < 0.7 else rng.integers(2, 4)):
            draw_catheter(rng, canvas)
    if kind != "wires" and rng.random() < 0.1:
        (draw_wire if rng.random() < 0.7 else draw_electrode_catheter)(rng, canvas)
    return canvas
