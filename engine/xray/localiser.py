"""Finds the devices of a frame: conditioning, network, lines, tips, electrodes, and which tip ends which line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from heartwire.engine.inference import Model
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.assembly import Line, assign
from heartwire.engine.xray.centreline import centred, find_lines, length_px, smooth
from heartwire.engine.xray.conditioning import Conditioner, Frame
from heartwire.engine.xray.confidence import Confidence, Evidence, Kind, evidence
from heartwire.engine.xray.detection import Detection, Point
from heartwire.engine.xray.device_map import CELL_PX, TIP_CELL_PX, Array, DeviceMap, DeviceMapper
from heartwire.engine.xray.electrodes import along, find_electrodes
from heartwire.engine.xray.history import History
from heartwire.engine.xray.patches import put
from heartwire.engine.xray.refinement import TIPS_MODEL_NAME, TipRefiner
from heartwire.engine.xray.tip import CLASSES, TipPeak, find_tips

MODEL_NAME = "xray-devices"
_LEAST_SEEN = 0.3
_MOST = 8
"""Devices told of a frame."""
_LEAST_ELECTRODES = 2
_SHORTEST_LINE_PX = 60.0
_SHORTEST_WITH_TIP_PX = 10.0
_FARTHEST_REFINED_PX = 10.0
_STRAY_PX = 4.0


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
        self.history = History()
        settings = self.model.card.settings
        self._line_threshold = settings["line_threshold"]
        self._tip_threshold = settings["tip_threshold"]
        self._electrode_threshold = settings["electrode_threshold"]
        self.report_confidence = settings["report_confidence"]
        self._report_tip_confidence = settings.get("report_tip_confidence", 0.0)
        self.tell_confidence = settings.get("tell_confidence", 0.0)
        """From here on a detection is worth telling of; what is less sure only helps to follow what was told."""
        self.bound_scale = settings.get("tip_bound_scale", 1.0)
        self._confidence = Confidence(settings)
        self._warm_up()

    def _warm_up(self) -> None:
        """Go the whole way once with a device drawn into the map, so that no frame pays for first calls."""
        size = self._mapper.size_px
        of_each_kind: tuple[Frame, ...] = (np.zeros((size, size), np.uint16), np.zeros((size, size), np.uint8))
        for pixels in of_each_kind:
            self.condition(XrayFrame(stream="", frame=0, pixels=pixels), 0.0)
            assert self._conditioner is not None
            self._refiner.refine(self._conditioner.plane, np.zeros((1, 2), np.float32))
        self.infer()
        half, quarter = size // CELL_PX, size // TIP_CELL_PX
        device, electrode = np.zeros((2, half, half), np.float32), np.zeros((half, half), np.float32)
        tip, offset = (np.zeros((2, quarter, quarter), np.float32) for _ in range(2))
        device[0, half // 4 : -half // 4, half // 2 : half // 2 + 3] = 1.0
        tip[0, quarter // 4, quarter // 2] = 1.0
        electrode[half // 3, half // 2] = 1.0
        self.decide(DeviceMap(device, electrode, tip, offset))
        self.history.forget()

    def condition(self, frame: XrayFrame, at_s: float) -> None:
        """Fill the network's input from a frame, `at_s` from the start of the stream, and from what came before it."""
        height, width = frame.pixels.shape
        if self._conditioner is None or self._conditioner.shape != (height, width):
            self._conditioner = Conditioner(height, width, self._mapper.size_px)
            self._mapper.clear()
        self._conditioner.take(frame.pixels)
        frame.check()
        self.history.fill(self._conditioner.apply(), at_s, self._mapper.patches)

    def infer(self) -> DeviceMap:
        """Run the network on the frame conditioned last."""
        return self._mapper.run()

    def decide(self, found: DeviceMap) -> list[Detection]:
        """Turn the network's answer for the frame conditioned last into detections, most confident first."""
        candidates = self.candidates(found, least=self.report_confidence, least_tip=self._report_tip_confidence)
        detections = [detection for detection, _, _ in candidates]
        detections.sort(key=lambda d: -d.confidence)
        return detections[:_MOST]

    def candidates(
        self, found: DeviceMap, *, least: float = 0.0, least_tip: float = 0.0
    ) -> list[tuple[Detection, Kind, Evidence]]:
        """Give all that may be a device from a confidence of `least` on, and what speaks for it.

        Tips that are less sure than `least_tip` count as not seen.
        """
        body = np.maximum(found.device[0], found.device[1])
        lines = [Line(p, _read(found, p)) for p in find_lines(body, threshold=self._line_threshold)]
        tips = self._refined(find_tips(found, least_heat=self._tip_threshold))
        tips = sorted((tip for tip in tips if tip.seen >= _LEAST_SEEN), key=lambda tip: -tip.heat * tip.seen)
        alone = assign(lines, tips)
        electrodes = find_electrodes(found.electrode, least_heat=self._electrode_threshold)
        candidates = [c for line in lines if (c := self._on_line(line, body, electrodes, least, least_tip)) is not None]
        return candidates + [c for tip in alone if (c := self._lone_tip(tip, max(least, least_tip))) is not None]

    def look(self, planes: Array, pixels: npt.NDArray[np.uint8]) -> list[tuple[Detection, Kind, Evidence]]:
        """Give the candidates in planes (3, s, s) of the network's size that were conditioned elsewhere."""
        self.condition(XrayFrame(stream="", frame=0, pixels=pixels), 0.0)
        put(planes, self._mapper.patches)
        return self.candidates(self.infer())

    def locate(self, frame: XrayFrame) -> list[Detection]:
        """Find the devices in a frame by itself, most confident first."""
        self.history.forget()
        self.condition(frame, 0.0)
        return self.decide(self.infer())

    def _to_frame(self, points: Array) -> list[Point]:
        assert self._conditioner is not None
        return [(x, y) for x, y in self._conditioner.to_frame(points).tolist()]

    def _refined(self, tips: Sequence[TipPeak]) -> list[TipPeak]:
        """Refine tips on the frame; where that leads far away the device network's own place stays."""
        assert self._conditioner is not None
        rough = self._conditioner.to_frame(np.array([[tip.x_px, tip.y_px] for tip in tips], np.float32).reshape(-1, 2))
        refined = self._refiner.refine(self._conditioner.plane, rough)
        own = self._conditioner.to_network(np.array([tip[:2] for tip in refined], np.float32).reshape(-1, 2)).tolist()
        far = _FARTHEST_REFINED_PX / self._conditioner.scale
        found = []
        for tip, before, after, (x, y) in zip(tips, rough.tolist(), refined, own, strict=True):
            if math.dist(before, after[:2]) > far:
                found.append(replace(tip, seen=after.seen, bound_px=far))
            else:
                found.append(replace(tip, x_px=x, y_px=y, seen=after.seen, bound_px=self.bound_scale * after.bound_px))
        return found

    def _border_px(self, point: Array) -> float:
        assert self._conditioner is not None
        x, y = float(point[0]), float(point[1])
        return min(x, y, self._conditioner.inner_width - 1 - x, self._conditioner.inner_height - 1 - y)

    def _on_line(
        self, line: Line, body: Array, electrodes: Array, least: float, least_tip: float
    ) -> tuple[Detection, Kind, Evidence] | None:
        tip, long = line.tip, length_px(line.points)
        if tip is not None and long < _SHORTEST_WITH_TIP_PX:
            return self._lone_tip(tip, max(least, least_tip))
        catheter, wire = line.bodies.mean(axis=0).tolist()
        kind: Kind = "line" if tip is None else "tipped"
        heat, seen = (None, None) if tip is None else (tip.heat, tip.seen)
        found = evidence(line.bodies.max(axis=1), long, heat, seen, wire=wire > catheter)
        confidence = self._confidence.of(kind, found)
        # A device may be sure and its tip not: which of them is told is asked apart.
        tip_confidence = 0.0 if tip is None else self._confidence.of("tip", found)
        visible = tip is not None and tip_confidence >= least_tip
        if confidence < least or (long < _SHORTEST_LINE_PX and not visible):
            return None
        if tip is None and self._border_px(line.points[-1]) < self._border_px(line.points[0]):
            line = line.flipped()
        rings = along(line.points, electrodes)
        rings = rings if len(rings) >= _LEAST_ELECTRODES else rings[:0]
        centreline = self._to_frame(smooth(_to_its_tip(line, body)))
        detection = Detection(
            class_="electrode-catheter" if len(rings) else CLASSES[int(wire > catheter)],
            confidence=confidence,
            visible=visible,
            tip_px=centreline[-1] if visible else None,
            error_px=tip.bound_px if tip is not None and visible else None,
            centreline_px=centreline,
            electrodes_px=self._to_frame(rings),
            tip_confidence=tip_confidence,
        )
        return detection, kind, found

    def _lone_tip(self, tip: TipPeak, least: float) -> tuple[Detection, Kind, Evidence] | None:
        found = evidence(None, 0.0, tip.heat, tip.seen, wire=tip.class_ == "guidewire")
        if (confidence := self._confidence.of("lone", found)) < least:
            return None
        place = self._to_frame(np.array([[tip.x_px, tip.y_px]], np.float32))
        detection = Detection(
            class_=tip.class_,
            confidence=confidence,
            visible=True,
            tip_px=place[0],
            error_px=tip.bound_px,
            centreline_px=place,
            tip_confidence=confidence,
        )
        return detection, "lone", found


def _to_its_tip(line: Line, body: Array) -> Array:
    """Give the middle of the body along a line; its tip, where it has one, ends it."""
    if line.tip is None:
        return np.asarray(centred(line.points, body))
    place = np.array([[line.tip.x_px, line.tip.y_px]], np.float32)
    # The last cells of a skeleton stray towards corners of the body.
    keep = np.hypot(*(line.points - place).T) > _STRAY_PX
    last = int(np.flatnonzero(keep)[-1]) + 1 if keep.any() else 1
    return np.concatenate([centred(line.points[:last], body), place])


def _read(found: DeviceMap, points: Array) -> Array:
    cells = (points / CELL_PX).astype(np.intp)
    return found.device[:, cells[:, 1], cells[:, 0]].T.copy()
