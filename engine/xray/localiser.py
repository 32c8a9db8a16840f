"""Finds the devices of a frame: conditioning, network, lines, tips, electrodes, and which tip ends which line."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from heartwire.engine.inference import Model
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.assembly import Line, assign
from heartwire.engine.xray.centreline import centred, find_lines, length_px, smooth
from heartwire.engine.xray.conditioning import Conditioner
from heartwire.engine.xray.detection import Detection, DeviceClass, Point
from heartwire.engine.xray.device_map import CELL_PX, TIP_CELL_PX, Array, DeviceMap, DeviceMapper
from heartwire.engine.xray.electrodes import along, find_electrodes
from heartwire.engine.xray.history import History
from heartwire.engine.xray.refinement import TIPS_MODEL_NAME, RefinedTip, TipRefiner
from heartwire.engine.xray.tip import CLASSES, TipPeak, find_tips

MODEL_NAME = "xray-devices"
DEFAULT_RATE_HZ = 15.0
_HALF_SURE_PX = 20.0
_LONE_SHARE = 0.6
_LEAST_SEEN = 0.3
_LEAST_ELECTRODES = 2
_SHORTEST_LINE_PX = 60.0
_SHORTEST_WITH_TIP_PX = 10.0
_FARTHEST_REFINED_PX = 10.0


class Localiser:
    """Finds devices frame by frame, each beside what the stream showed before.

    Parameters
    ----------
    model
        The device network; None loads the shipped one.
    tips
        The tip network; None loads the shipped one.

    Raises
    ------
    ModelError
        If weights or card are missing or damaged.
    """

    def __init__(self, model: Model | None = None, tips: Model | None = None) -> None:
        self.model = Model(MODEL_NAME) if model is None else model
        self._mapper = DeviceMapper(self.model)
        self._refiner = TipRefiner(Model(TIPS_MODEL_NAME) if tips is None else tips)
        self._conditioner: Conditioner | None = None
        self._pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16] = np.zeros((0, 0), np.uint8)
        self.history = History()
        settings = self.model.card.settings
        self._line_threshold = settings["line_threshold"]
        self._tip_threshold = settings["tip_threshold"]
        self._electrode_threshold = settings["electrode_threshold"]
        self._report_confidence = settings["report_confidence"]
        self._warm_up()

    def _warm_up(self) -> None:
        """Go the whole way once with a device drawn into the map, so that no frame pays for first calls."""
        size = self._mapper.planes.shape[1]
        self.condition(XrayFrame(stream="", frame=0, pixels=np.zeros((size, size), np.uint8)))
        half, quarter = size // CELL_PX, size // TIP_CELL_PX
        device, electrode = np.zeros((2, half, half), np.float32), np.zeros((half, half), np.float32)
        tip, offset = (np.zeros((2, quarter, quarter), np.float32) for _ in range(2))
        device[0, half // 4 : -half // 4, half // 2 : half // 2 + 3] = 1.0
        tip[0, quarter // 4, quarter // 2] = 1.0
        electrode[half // 3, half // 2] = 1.0
        self.decide(DeviceMap(device, electrode, tip, offset))
        self.history.forget()

    def condition(self, frame: XrayFrame) -> None:
        """Fill the network's input from a frame and from what came before it."""
        height, width = frame.pixels.shape
        if self._conditioner is None or self._conditioner.shape != (height, width):
            self._conditioner = Conditioner(height, width, self._mapper.planes.shape[1])
            self._mapper.planes[:] = 0.0
        self._pixels = frame.pixels
        conditioned = self._conditioner.apply(frame.pixels)
        inside = self._mapper.planes[:, : conditioned.shape[0], : conditioned.shape[1]]
        self.history.fill(conditioned, frame.frame / (frame.rate_hz or DEFAULT_RATE_HZ), inside)

    def infer(self) -> DeviceMap:
        """Run the network on the frame conditioned last."""
        return self._mapper.run()

    def decide(self, found: DeviceMap) -> list[Detection]:
        """Turn the network's answer for the frame conditioned last into detections, most confident first."""
        body = np.maximum(found.device[0], found.device[1])
        lines = [Line(p, _read(found, p)) for p in find_lines(body, threshold=self._line_threshold)]
        alone = assign(lines, find_tips(found, least_heat=self._tip_threshold))
        electrodes = find_electrodes(found.electrode, least_heat=self._electrode_threshold)
        detections = [d for line in lines if (d := self._detection(line, body, electrodes)) is not None]
        detections += [d for tip in alone if (d := self._lone_tip(tip)) is not None]
        detections.sort(key=lambda d: -d.confidence)
        return [d for d in detections if d.confidence >= self._report_confidence]

    def locate(self, frame: XrayFrame) -> list[Detection]:
        """Find the devices in a frame by itself, most confident first."""
        self.history.forget()
        self.condition(frame)
        return self.decide(self.infer())

    def _to_frame(self, points: Array) -> list[Point]:
        assert self._conditioner is not None
        return [(float(x), float(y)) for x, y in self._conditioner.to_frame(points)]

    def _refined(self, tip: TipPeak) -> RefinedTip:
        """Refine a tip on the frame; where that leads far away the network's own place stays."""
        assert self._conditioner is not None
        ((x, y),) = self._to_frame(np.array([[tip.x_px, tip.y_px]], np.float32))
        refined = self._refiner.refine(self._pixels, x, y)
        far = _FARTHEST_REFINED_PX / self._conditioner.scale
        if np.hypot(refined.x_px - x, refined.y_px - y) > far:
            return RefinedTip(x, y, far, refined.seen)
        return refined

    def _border_px(self, point: Array) -> float:
        assert self._conditioner is not None
        x, y = float(point[0]), float(point[1])
        return min(x, y, self._conditioner.inner_width - 1 - x, self._conditioner.inner_height - 1 - y)

    def _detection(self, line: Line, body: Array, electrodes: Array) -> Detection | None:
        long = length_px(line.points)
        means = line.bodies.mean(axis=0)
        sure = float(line.bodies.max(axis=1).mean())
        rings = along(line.points, electrodes)
        class_: DeviceClass = CLASSES[int(means[1] > means[0])]
        if len(rings) >= _LEAST_ELECTRODES:
            class_ = "electrode-catheter"
        else:
            rings = rings[:0]
        tip = None if line.tip is None else self._refined(line.tip)
        if tip is None or line.tip is None or tip.seen < _LEAST_SEEN:
            if long < _SHORTEST_LINE_PX:
                return None
            if line.tip is None and self._border_px(line.points[-1]) < self._border_px(line.points[0]):
                line, rings = line.flipped(), rings[::-1]
            return Detection(
                class_=class_,
                confidence=round(0.5 * sure * min(1.0, long / 150.0), 4),
                visible=False,
                tip_px=None,
                error_px=None,
                centreline_px=self._to_frame(smooth(centred(line.points, body))),
                electrodes_px=self._to_frame(rings),
            )
        if long < _SHORTEST_WITH_TIP_PX:
            return self._lone_tip(line.tip)
        assert self._conditioner is not None
        place = self._conditioner.to_network(np.array([[tip.x_px, tip.y_px]], np.float32))
        # The last cells of a skeleton stray towards corners of the body: the tip itself ends the line.
        keep = np.hypot(line.points[:, 0] - place[0, 0], line.points[:, 1] - place[0, 1]) > 4.0
        last = int(np.flatnonzero(keep)[-1]) + 1 if keep.any() else 1
        points = smooth(np.concatenate([centred(line.points[:last], body), place]))
        return Detection(
            class_=class_,
            confidence=round(float(np.sqrt(line.tip.heat * tip.seen * sure)) * long / (long + _HALF_SURE_PX), 4),
            visible=True,
            tip_px=(tip.x_px, tip.y_px),
            error_px=tip.bound_px,
            centreline_px=self._to_frame(points),
            electrodes_px=self._to_frame(rings),
        )

    def _lone_tip(self, peak: TipPeak) -> Detection | None:
        tip = self._refined(peak)
        if tip.seen < _LEAST_SEEN:
            return None
        return Detection(
            class_=peak.class_,
            confidence=round(_LONE_SHARE * float(np.sqrt(peak.heat * tip.seen)), 4),
            visible=True,
            tip_px=(tip.x_px, tip.y_px),
            error_px=tip.bound_px,
            centreline_px=[(tip.x_px, tip.y_px)],
        )


def _read(found: DeviceMap, points: Array) -> Array:
    cells = (points / CELL_PX).astype(np.intp)
    return found.device[:, cells[:, 1], cells[:, 0]].T.copy()
