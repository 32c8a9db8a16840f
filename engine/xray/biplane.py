"""Tips in space from the fixes of two X-ray planes.

A subscriber's part: it takes the fixes of both streams, in whatever order they come, and pairs frames by capture time
and devices by how near the two rays pass each other and by class. So workers know nothing of each other, and the result
does not depend on who was faster.
"""

from __future__ import annotations

import math
from collections import deque

import msgspec
import numpy as np

from heartwire.engine.messages import CatheterFix, Device, Projection
from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.projection import ray, spacing_at_mm

_BOUND_2D = 2.448
"""95 % bound of a distance in a plane over the deviation of each part (Rayleigh)."""
_BOUND_1D = 1.645
_LEAST_ANGLE_DEG = 10.0
_SLACK_MM = 1.0
"""What two true rays may miss each other by though both tips are exact: the planes are not exposed at one instant."""
_OTHER_CLASS_COST = 0.5
_MEMORY = 0.8
_MOST_WAITING = 600


class BiplaneTip(msgspec.Struct, kw_only=True):
    """The tip of one device in space, from a frame of `stream` and one of `partner`.

    `tip_mm` is (x, y, z) to the patient's left, back and head from the isocentre. `residual_mm` is how far the two
    rays pass from each other, `error_mm` the 95 % bound of the tip's error. `ids` are the device's in the two streams.
    """

    stream: str
    partner: str
    frame: int
    partner_frame: int
    captured_ns: int
    ids: tuple[int, int]
    class_: str = msgspec.field(name="class")
    visible: bool
    tip_mm: tuple[float, float, float]
    residual_mm: float
    error_mm: float


class Triangulated(msgspec.Struct, frozen=True):
    """A place in space (3,) mm, how far the rays pass from each other, and the 95 % bound of its error."""

    place_mm: tuple[float, float, float]
    residual_mm: float
    error_mm: float


def triangulate(
    first: Projection,
    first_px: Point,
    second: Projection,
    second_px: Point,
    errors_px: tuple[float, float] = (1.0, 1.0),
) -> Triangulated:
    """Find the place that is seen at one pixel in each of two views.

    It lies between the two rays where they are nearest, nearer to the surer one. The bound is that of the quadratic
    form of a normal error (its mean and deviation), never less than the residual.

    Parameters
    ----------
    first, second
        The views.
    first_px, second_px
        (x, y) in each.
    errors_px
        95 % bounds of both.

    Raises
    ------
    ValueError
        If the rays run side by side (less than 10 degrees between them).
    """
    (source_a, along_a), (source_b, along_b) = ray(first, first_px), ray(second, second_px)
    crossed = np.cross(along_a, along_b)
    square = float(crossed @ crossed)
    if square < math.sin(math.radians(_LEAST_ANGLE_DEG)) ** 2:
        msg = f"two views along nearly the same direction give no place: {first} and {second}"
        raise ValueError(msg)
    between = source_b - source_a
    far_a = float(np.cross(between, along_b) @ crossed) / square
    far_b = float(np.cross(between, along_a) @ crossed) / square
    near_a, near_b = source_a + far_a * along_a, source_b + far_b * along_b
    deviations = [
        max(error_px, 1e-3) * spacing_at_mm(view, far_mm) / _BOUND_2D
        for view, far_mm, error_px in ((first, far_a, errors_px[0]), (second, far_b, errors_px[1]))
    ]
    sure_a, sure_b = (1.0 / deviation**2 for deviation in deviations)
    place = (sure_a * near_a + sure_b * near_b) / (sure_a + sure_b)
    across_a, across_b = (np.eye(3) - np.outer(along, along) for along in (along_a, along_b))
    covariance = np.linalg.inv(sure_a * across_a + sure_b * across_b)
    mean, deviation = float(np.trace(covariance)), math.sqrt(2.0 * float((covariance**2).sum()))
    residual_mm = float(np.linalg.norm(near_b - near_a))
    x, y, z = (float(v) for v in place)
    return Triangulated((x, y, z), residual_mm, max(math.sqrt(mean + _BOUND_1D * deviation), residual_mm))


class Biplane:
    """Pairs the fixes of two streams.

    Parameters
    ----------
    first, second
        The ids of the streams.
    projections
        Where source and detector stand, for streams whose frames do not say.
    apart_s
        Frames further apart in capture time are no pair.
    """

    def __init__(
        self, first: str, second: str, projections: dict[str, Projection] | None = None, apart_s: float = 0.02
    ) -> None:
        self._streams = (first, second)
        self._projections = projections or {}
        self._apart_ns = round(apart_s * 1e9)
        self._waiting: dict[str, deque[CatheterFix]] = {s: deque(maxlen=_MOST_WAITING) for s in self._streams}
        self._residuals: dict[tuple[int, int], float] = {}

    def take(self, fix: CatheterFix) -> list[BiplaneTip]:
        """Take the next fix of either stream; give the tips of the pairs of frames that are whole now."""
        if fix.stream not in self._waiting:
            return []
        self._waiting[fix.stream].append(fix)
        first, second = (self._waiting[s] for s in self._streams)
        tips: list[BiplaneTip] = []
        while first and second:
            apart_ns = first[0].captured_ns - second[0].captured_ns
            if abs(apart_ns) <= self._apart_ns:
                tips += self._pair(first.popleft(), second.popleft())
            else:
                (first if apart_ns < 0 else second).popleft()
        return tips

    def _pair(self, a: CatheterFix, b: CatheterFix) -> list[BiplaneTip]:
        views = [fix.projection or self._projections.get(fix.stream) for fix in (a, b)]
        if views[0] is None or views[1] is None:
            return []
        candidates = []
        residuals: dict[tuple[int, int], float] = {}
        for one in a.devices:
            for other in b.devices:
                if (found := _meet(views[0], one, views[1], other)) is None:
                    continue
                # Rays of different devices may pass near each other once, but not through beats and breaths.
                ids = (one.id, other.id)
                before = self._residuals.get(ids, found[0])
                residuals[ids] = _MEMORY * before + (1.0 - _MEMORY) * found[0]
                cost = residuals[ids] + (0.0 if one.class_ == other.class_ else _OTHER_CLASS_COST)
                candidates.append((cost, ids, one, other, found))
        self._residuals = residuals
        candidates.sort(key=lambda candidate: candidate[:2])
        taken: tuple[set[int], set[int]] = (set(), set())
        tips = []
        for _, ids, one, other, (near, met) in candidates:
            if near <= 1.0 and ids[0] not in taken[0] and ids[1] not in taken[1]:
                taken[0].add(ids[0])
                taken[1].add(ids[1])
                tips.append(_tip(a, b, one, other, met))
        return tips


def _meet(a: Projection, one: Device, b: Projection, other: Device) -> tuple[float, Triangulated] | None:
    """Say how far the rays of two tips miss each other, 1 at what their bounds allow, and where they meet."""
    if one.tip_px is None or other.tip_px is None or one.error_px is None or other.error_px is None:
        return None
    try:
        met = triangulate(a, one.tip_px, b, other.tip_px, (one.error_px, other.error_px))
    except ValueError:
        return None
    allowed_mm = math.hypot(
        one.error_px * spacing_at_mm(a, a.source_to_patient_mm),
        other.error_px * spacing_at_mm(b, b.source_to_patient_mm),
    )
    return met.residual_mm / (allowed_mm + _SLACK_MM), met


def _tip(a: CatheterFix, b: CatheterFix, one: Device, other: Device, met: Triangulated) -> BiplaneTip:
    sure = one if one.confidence >= other.confidence else other
    return BiplaneTip(
        stream=a.stream,
        partner=b.stream,
        frame=a.frame,
        partner_frame=b.frame,
        captured_ns=a.captured_ns,
        ids=(one.id, other.id),
        class_=sure.class_,
        visible=one.visible and other.visible,
        tip_mm=met.place_mm,
        residual_mm=met.residual_mm,
        error_mm=met.error_mm,
    )
