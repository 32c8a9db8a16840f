"""Finds the devices of one frame: conditioning, network, lines, tips, and which tip ends which line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from heartwire.engine.inference import Model
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.centreline import find_lines, length_px, smooth
from heartwire.engine.xray.conditioning import Conditioner
from heartwire.engine.xray.detection import Detection, DeviceClass
from heartwire.engine.xray.device_map import CELL_PX, Array, DeviceMap, DeviceMapper
from heartwire.engine.xray.tip import CLASSES, TipPeak, find_tips

MODEL_NAME = "xray-devices"
_TIP_TO_LINE_PX = 16.0
_END_PX = 24.0
_LEAST_BEYOND_PX = 6.0
_SPLIT_HEAT = 0.2
_SPLIT_CONTRAST = 0.15
_SIDE_POINTS = 15
_HALF_SURE_PX = 20.0
_LONE_SHARE = 0.6
_SHORTEST_LINE_PX = 60.0
_SHORTEST_WITH_TIP_PX = 10.0


@dataclass
class _Line:
    """A line and what the network says along it, (n, 2) catheter and guidewire; `tip` lies at its last point."""

    points: Array
    bodies: Array
    tip: TipPeak | None = None

    def flipped(self) -> _Line:
        return _Line(self.points[::-1].copy(), self.bodies[::-1].copy(), self.tip)


def _read(found: DeviceMap, points: Array) -> Array:
    cells = (points / CELL_PX).astype(np.intp)
    return found.device[:, cells[:, 1], cells[:, 0]].T.copy()


def _attach(line: _Line, tip: TipPeak, at: int) -> list[_Line] | None:
    """Give `line` its tip at point `at`; None where the tip ends no part of it.

    A tip near an end takes the whole line. A tip inside cuts it, where it is sure or the class changes there: it takes
    the side that is likelier of its class.
    """
    before, after = length_px(line.points[: at + 1]), length_px(line.points[at:])
    if line.tip is None and min(before, after) <= _END_PX:
        if before < after:
            line, at = line.flipped(), len(line.points) - 1 - at
        return [_Line(line.points[: at + 1], line.bodies[: at + 1], tip)]
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
    mine = _Line(line.points[: at + 1], line.bodies[: at + 1], tip)
    return [mine, _Line(line.points[at:], line.bodies[at:], line.tip)]


def _assign(lines: list[_Line], tips: list[TipPeak]) -> list[TipPeak]:
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


class Localiser:
    """Finds devices frame by frame; a frame's result depends on that frame alone.

    Parameters
    ----------
    model
        The device network; None loads the shipped one.

    Raises
    ------
    ModelError
        If weights or card are missing or damaged.
    """

    def __init__(self, model: Model | None = None) -> None:
        self.model = Model(MODEL_NAME) if model is None else model
        self._mapper = DeviceMapper(self.model)
        self._conditioner: Conditioner | None = None
        settings = self.model.card.settings
        self._line_threshold = settings["line_threshold"]
        self._tip_threshold = settings["tip_threshold"]
        self._report_confidence = settings["report_confidence"]
        self._error_sure_px = settings["tip_error_sure_px"]
        self._error_unsure_px = settings["tip_error_unsure_px"]
        self._warm_up()

    def _warm_up(self) -> None:
        """Go the whole way once with a device drawn into the map, so that no frame pays for first calls."""
        size = self._mapper.image.shape[0]
        self.condition(XrayFrame(stream="", frame=0, pixels=np.zeros((size, size), np.uint8)))
        half = size // CELL_PX
        device, tip, offset = (np.zeros((2, half, half), np.float32) for _ in range(3))
        device[0, half // 4 : -half // 4, half // 2 : half // 2 + 3] = 1.0
        tip[0, half // 4, half // 2] = 1.0
        self.decide(DeviceMap(device, tip, offset))

    def condition(self, frame: XrayFrame) -> None:
        """Fill the network's input from a frame."""
        height, width = frame.pixels.shape
        if self._conditioner is None or self._conditioner.shape != (height, width):
            self._conditioner = Conditioner(height, width, self._mapper.image.shape[0])
        self._conditioner.apply(frame.pixels, self._mapper.image)

    def infer(self) -> DeviceMap:
        """Run the network on the frame conditioned last."""
        return self._mapper.run()

    def decide(self, found: DeviceMap) -> list[Detection]:
        """Turn the network's answer for the frame conditioned last into detections, most confident first."""
        body = found.device.max(axis=0)
        lines = [_Line(p, _read(found, p)) for p in find_lines(body, threshold=self._line_threshold)]
        alone = _assign(lines, find_tips(found, least_heat=self._tip_threshold))
        detections = [d for line in lines if (d := self._detection(line)) is not None]
        detections += [self._lone_tip(tip) for tip in alone]
        detections.sort(key=lambda d: -d.confidence)
        return [d for d in detections if d.confidence >= self._report_confidence]

    def locate(self, frame: XrayFrame) -> list[Detection]:
        """Find the devices in a frame, most confident first."""
        self.condition(frame)
        return self.decide(self.infer())

    def _to_frame(self, points: Array) -> list[tuple[float, float]]:
        assert self._conditioner is not None
        return [(float(x), float(y)) for x, y in self._conditioner.to_frame(points)]

    def _error_px(self, heat: float) -> float:
        assert self._conditioner is not None
        error = self._error_sure_px + (self._error_unsure_px - self._error_sure_px) * (1.0 - heat)
        return error / self._conditioner.scale

    def _border_px(self, point: Array) -> float:
        assert self._conditioner is not None
        x, y = float(point[0]), float(point[1])
        return min(x, y, self._conditioner.inner_width - 1 - x, self._conditioner.inner_height - 1 - y)

    def _detection(self, line: _Line) -> Detection | None:
        long = length_px(line.points)
        means = line.bodies.mean(axis=0)
        sure = float(line.bodies.max(axis=1).mean())
        class_: DeviceClass = CLASSES[int(means[1] > means[0])]
        tip = line.tip
        if tip is None:
            if long < _SHORTEST_LINE_PX:
                return None
            if self._border_px(line.points[-1]) < self._border_px(line.points[0]):
                line = line.flipped()
            return Detection(
                class_=class_,
                confidence=round(0.5 * sure * min(1.0, long / 150.0), 4),
                visible=False,
                tip_px=None,
                error_px=None,
                centreline_px=self._to_frame(smooth(line.points)),
            )
        if long < _SHORTEST_WITH_TIP_PX:
            return self._lone_tip(tip)
        place = np.array([[tip.x_px, tip.y_px]], np.float32)
        # The last cells of a skeleton stray towards corners of the body: the tip itself ends the line.
        keep = np.hypot(line.points[:, 0] - tip.x_px, line.points[:, 1] - tip.y_px) > 4.0
        whole = np.concatenate([line.points[: max(1, int(np.flatnonzero(keep)[-1]) + 1 if keep.any() else 1)], place])
        points = smooth(whole)
        return Detection(
            class_=class_,
            confidence=round(float(np.sqrt(tip.heat * sure)) * long / (long + _HALF_SURE_PX), 4),
            visible=True,
            tip_px=self._to_frame(place)[0],
            error_px=self._error_px(tip.heat),
            centreline_px=self._to_frame(points),
        )

    def _lone_tip(self, tip: TipPeak) -> Detection:
        place = self._to_frame(np.array([[tip.x_px, tip.y_px]], np.float32))
        return Detection(
            class_=tip.class_,
            confidence=round(_LONE_SHARE * tip.heat, 4),
            visible=True,
            tip_px=place[0],
            error_px=self._error_px(tip.heat),
            centreline_px=place,
        )
