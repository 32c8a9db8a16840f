"""Which tip ends which line: lines of the body map take their tips, and are cut where one lies inside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heartwire.engine.xray.centreline import length_px
from heartwire.engine.xray.device_map import Array
from heartwire.engine.xray.tip import CLASSES, TipPeak

_TIP_TO_LINE_PX = 16.0
_END_PX = 24.0
_LEAST_BEYOND_PX = 6.0
_SPLIT_HEAT = 0.2
_SPLIT_CONTRAST = 0.15
_SIDE_POINTS = 15


@dataclass
class Line:
    """A line and what the network says along it, (n, 2) catheter and guidewire; `tip` lies at its last point."""

    points: Array
    bodies: Array
    tip: TipPeak | None = None

    def flipped(self) -> Line:
        """Give the line the other way round."""
        return Line(self.points[::-1].copy(), self.bodies[::-1].copy(), self.tip)


def _attach(line: Line, tip: TipPeak, at: int) -> list[Line] | None:
    """Give `line` its tip at point `at`; None where the tip ends no part of it.

    A tip near an end takes the whole line. A tip inside cuts it, where it is sure or the class changes there: it takes
    the side that is likelier of its class.
    """
    before, after = length_px(line.points[: at + 1]), length_px(line.points[at:])
    if line.tip is None and min(before, after) <= _END_PX:
        if before < after:
            line, at = line.flipped(), len(line.points) - 1 - at
        return [Line(line.points[: at + 1], line.bodies[: at + 1], tip)]
    if before <= _END_PX or after < _LEAST_BEYOND_PX:
        return None
    own = CLASSES.index(tip.class_)
    favour = line.bodies[:, own] - line.bodies[:, 1 - own]
    proximal, distal = favour[max(0, at - _SIDE_POINTS) : at].mean(), favour[at + 1 : at + 1 + _SIDE_POINTS].mean()
    if tip.heat < _SPLIT_HEAT and abs(proximal - distal) < _SPLIT_CONTRAST:
        return None
    if proximal < distal:
        if line.tip is not None:  # the tip found before is on this side
            return None
        line, at = line.flipped(), len(line.points) - 1 - at
    mine = Line(line.points[: at + 1], line.bodies[: at + 1], tip)
    return [mine, Line(line.points[at:], line.bodies[at:], line.tip)]


def assign(lines: list[Line], tips: list[TipPeak]) -> list[TipPeak]:
    """Attach tips to the lines they lie on, hottest first, in place; gives the tips that end none."""
    alone = []
    for tip in tips:
        points = np.concatenate([line.points for line in lines]) if lines else np.empty((0, 2), np.float32)
        distance = np.hypot(points[:, 0] - tip.x_px, points[:, 1] - tip.y_px)
        nearest = int(distance.argmin()) if len(distance) else 0
        if not len(distance) or distance[nearest] > _TIP_TO_LINE_PX:
            alone.append(tip)
            continue
        i = 0
        while nearest >= len(lines[i].points):
            nearest -= len(lines[i].points)
            i += 1
        parts = _attach(lines[i], tip, nearest)
        if parts is None:
            alone.append(tip)
        else:
            lines[i : i + 1] = parts
    return alone
