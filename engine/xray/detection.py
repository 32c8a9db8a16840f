"""What one frame shows of one device, before tracking gives it an identity."""

from __future__ import annotations

from typing import Literal

import msgspec

Point = tuple[float, float]
DeviceClass = Literal["catheter", "guidewire", "electrode-catheter"]


class Detection(msgspec.Struct, kw_only=True, frozen=True):
    """One device in one frame; positions are (x, y) px of the input frame.

    `centreline_px` runs from the proximal end (the side where the device enters the field) to the distal end, a point
    about every 5 px of the network's image. `visible` says whether the tip itself is seen; where it is not (outside the
    field, washed out by contrast), `tip_px` and `error_px` are None. `error_px` is the 95 % bound of the tip's error.
    `electrodes_px` are the centres of ring electrodes, from distal to proximal; a catheter along which two or more are
    found is an electrode catheter. `confidence` that it is a device, and `tip_confidence` that its tip is right, lie in
    0..1; detections of a frame come in falling `confidence`.
    """

    class_: DeviceClass
    confidence: float
    visible: bool
    tip_px: Point | None
    error_px: float | None
    centreline_px: list[Point]
    electrodes_px: list[Point] = []
    tip_confidence: float = 1.0
