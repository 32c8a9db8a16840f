"""One frame's devices against the true ones.

* The *tip error* of a recorded frame is that of the most confident device that reports a tip, against the nearest
  annotated tip; infinite where none is reported.
* A true device is *found* if half or more of its centreline lies within 5 px of a reported one.
* A reported device is *false* if less than half of its centreline lies within 5 px of the true ones.
* Centreline distances go both ways: from every true point to the nearest reported one, whatever is missed included, and
  from every point of the reported devices that are not false to the nearest true one.
* Where each visible tip has its own truth (simulator) reported tips are paired with them one to one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from heartwire.benchmarks.accuracy.catheter_truth import TrueDevice, dense
from heartwire.engine.messages import Device
from heartwire.engine.xray.detection import Detection, Point

Array = npt.NDArray[np.float32]

TIP_WITHIN_PX = 10.0
LINE_WITHIN_PX = 5.0
HALF = 0.5


@dataclass(frozen=True)
class Reported:
    """A device that a frame is said to show: tip (None if not seen), points of its line, confidence, stated error."""

    tip_px: Point | None
    line_px: Array
    confidence: float = 1.0
    error_px: float | None = None


@dataclass(frozen=True)
class FrameScore:
    """What was found in a frame.

    Attributes
    ----------
    tip_error_px
        NaN where no tip is annotated, infinite where none is reported.
    found, devices
        True devices that were found, and how many there are; `main_found` counts those with a visible tip alone, None
        where there is none.
    reported, false
        Reported devices, and those that lie on none of the true ones.
    to_reported_px, to_true_px
        Distance of each true point from the nearest reported one, and of each reported one from the nearest true one.
    """

    name: str
    origin: str
    tip_error_px: float
    main_found: bool | None
    found: int
    devices: int
    reported: int
    false: int
    to_reported_px: Array
    to_true_px: Array


def as_reported(detections: Sequence[Detection]) -> list[Reported]:
    """Take what the localiser gives."""
    return [Reported(d.tip_px, dense(d.centreline_px), d.confidence, d.error_px) for d in detections]


def as_told(devices: Iterable[Device]) -> list[Reported]:
    """Take what the pipeline tells of."""
    return [
        Reported(d.tip_px if d.visible else None, dense(d.centreline_px), d.confidence, d.error_px) for d in devices
    ]


def distances(points: Array, others: Array) -> Array:
    """Give each point's distance from the nearest of others, px; infinite where there are none."""
    if not len(others) or not len(points):
        return np.full(len(points), np.inf, np.float32)
    return np.asarray(cKDTree(others).query(points)[0], np.float32)


def joined(lines: Sequence[Array]) -> Array:
    """Put lines together, (n, 2)."""
    return np.concatenate([np.empty((0, 2), np.float32), *lines])


def near_share(line: Array, others: Array) -> float:
    """Give the share of a line that lies within 5 px of other points."""
    return float((distances(line, others) <= LINE_WITHIN_PX).mean()) if len(line) else 0.0


def tip_error_px(tips: Sequence[Point], reported: Sequence[Reported]) -> float:
    """Give the error of the most confident reported tip against the nearest of `tips`."""
    if not tips:
        return float("nan")
    told = [device for device in reported if device.tip_px is not None]
    if not told:
        return float("inf")
    best = max(told, key=lambda device: device.confidence).tip_px
    assert best is not None
    return min(float(np.hypot(x - best[0], y - best[1])) for x, y in tips)


def score_frame(name: str, origin: str, truth: Sequence[TrueDevice], reported: Sequence[Reported]) -> FrameScore:
    """Score a frame."""
    true_points = joined([device.line_px for device in truth])
    reported_points = joined([device.line_px for device in reported])
    found = [near_share(device.line_px, reported_points) >= HALF for device in truth]
    main = [ok for ok, device in zip(found, truth, strict=True) if device.tip_px is not None]
    right = [device for device in reported if near_share(device.line_px, true_points) >= HALF]
    return FrameScore(
        name=name,
        origin=origin,
        tip_error_px=tip_error_px([d.tip_px for d in truth if d.tip_px is not None], reported),
        main_found=any(main) if main else None,
        found=sum(found),
        devices=len(truth),
        reported=len(reported),
        false=len(reported) - len(right),
        to_reported_px=distances(true_points, reported_points),
        to_true_px=distances(joined([device.line_px for device in right]), true_points),
    )


def pair_tips(true: Sequence[Point], reported: Sequence[Point]) -> list[tuple[int, int, float]]:
    """Pair true with reported tips one to one, nearest first: index of each and their distance, px."""
    pairs = sorted(
        (float(np.hypot(a[0] - b[0], a[1] - b[1])), i, k) for i, a in enumerate(true) for k, b in enumerate(reported)
    )
    used_true: set[int] = set()
    used_reported: set[int] = set()
    chosen = []
    for error, i, k in pairs:
        if i not in used_true and k not in used_reported:
            used_true.add(i)
            used_reported.add(k)
            chosen.append((i, k, error))
    return chosen
