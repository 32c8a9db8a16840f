"""One device over time: what is believed of it, which tips are taken for its own, and what is told of it.

A tip within reach of its forecast is taken at once, as is one that appears again where the device's tip has been in the
last seconds. One elsewhere on the same device must stay there for three frames: until then the tip counts as not seen.
"""

from __future__ import annotations

import math

import msgspec

from heartwire.engine.messages import Device
from heartwire.engine.xray.detection import Detection, DeviceClass, Point
from heartwire.engine.xray.motion import TipMotion

COAST_S = 0.5
"""How long a place is foretold for what is not seen."""
FRAMES_IF_DOUBTFUL = 3
"""In so many of the last `_RECENT_FRAMES` frames a device must be seen that is not sure at once."""
_RECENT_FRAMES = 5
_CLASS_MEMORY = 0.9
_RISE = 0.3
_FALL = 0.15
"""Confidence falls slower than it rises: one faint frame does not take a device off the screen."""
_CONFIDENCE_DECAY_S = 0.7
_FADED = 0.35
"""A tip with less than this share of the confidence that it had is being hidden: it counts as not seen."""
_UNKNOWN_ERROR_PX = 8.0
_FRAME_S = 1.0 / 15.0
_LEAST_REACH_PX = 18.0
_MOST_REACH_PX = 24.0
_REACH_SPEED_PX_S = 60.0
_REACH_BOUNDS = 1.5
_TIP_SPEED_PX_S = 360.0
_RETURN_PX = 25.0
_SAME_PLACE_PX = 40.0
_STAYS_PX = 20.0
_STAYS_S = 0.2
_SURPRISE_SHARE = 0.35
_SURPRISE_FORETOLD = 0.7
"""A forecast from a place that was not expected is in doubt itself: tips slip before they are hidden."""
_ROUNDING_S = 1e-9


class Elsewhere(msgspec.Struct):
    """A tip that was seen where the device's is not expected: where, in how many frames in a row, when last."""

    tip_px: Point
    frames: int
    seen_s: float


class Track(msgspec.Struct):
    """Positions and speeds are px of the frame and px/s, times s from the stream's start.

    `id` is 0 as long as it is doubtful whether there is a device. `scale` is the size of the frame over 512 px.
    """

    id: int
    scale: float
    class_votes: dict[DeviceClass, float] = {}
    class_: DeviceClass = "catheter"
    """The class that most of the evidence says."""
    seen_s: float = -math.inf
    seen_frames: int = 0
    recent: list[bool] = []
    confidence: float = 0.0
    tip_confidence: float = 0.0
    centreline_px: list[Point] = []
    electrodes_px: list[Point] = []
    motion: TipMotion | None = None
    error_px: float = _UNKNOWN_ERROR_PX
    elsewhere: Elsewhere | None = None
    expected_px: Point = (0.0, 0.0)
    reach_px: float = 0.0
    told_px: Point | None = None
    """The tip that the frame before was told to have, seen or foretold."""

    @property
    def steady(self) -> bool:
        """Whether it was seen in enough of the last frames to be a device."""
        return sum(self.recent) >= FRAMES_IF_DOUBTFUL

    def sees_tip(self, now_s: float) -> bool:
        """Whether its tip is seen in the frame of this moment."""
        return self.motion is not None and self.motion.now_s == now_s

    def expect(self, now_s: float) -> None:
        """Foretell, before the frame of this moment is looked at, where the tip will be and how far off it may be."""
        if self.motion is None:
            return
        self.expected_px = self._without_jump(self.motion.forecast(now_s))
        bound_px = (_REACH_BOUNDS * self.motion.bound_px(now_s) + self.error_px) / self.scale
        most_px = _MOST_REACH_PX + _REACH_SPEED_PX_S * max(0.0, now_s - self.motion.now_s - _FRAME_S)
        self.reach_px = self.scale * min(max(bound_px, _LEAST_REACH_PX), most_px)

    def _without_jump(self, place_px: Point) -> Point:
        """Bring a forecast near enough to the tip that was told before."""
        if self.told_px is None:
            return place_px
        step, most_px = math.dist(self.told_px, place_px), _MOST_REACH_PX * self.scale
        share = min(1.0, most_px / step) if step else 1.0
        (x, y), (u, v) = self.told_px, place_px
        return x + share * (u - x), y + share * (v - y)

    def farness(self, tip_px: Point, now_s: float) -> float | None:
        """Give how far a tip is from where this device's may be, 1 at the edge; None without a place to compare."""
        if self.motion is None:
            return None
        ahead_s = now_s - self.motion.now_s
        if ahead_s > COAST_S + _ROUNDING_S:
            return self.motion.nearest_px(tip_px) / (_RETURN_PX * self.scale)
        step_px = math.dist(self.motion.tip_px, tip_px)
        too_fast = step_px / (_TIP_SPEED_PX_S * self.scale * max(ahead_s, _FRAME_S))
        # Hearts turn back at once: where the tip was last is as good a guess as where it was going.
        return max(min(math.dist(self.expected_px, tip_px), step_px) / self.reach_px, too_fast)

    def take(self, detection: Detection, now_s: float) -> None:
        """Bring it up to date with what is seen of it now."""
        votes = {name: vote * _CLASS_MEMORY for name, vote in self.class_votes.items()}
        votes[detection.class_] = votes.get(detection.class_, 0.0) + detection.confidence
        self.class_votes = votes
        self.class_ = max(votes, key=lambda name: (votes[name], name))
        self.centreline_px = detection.centreline_px
        self.electrodes_px = detection.electrodes_px
        self.confidence = _slowly(self.confidence, detection.confidence)
        self.seen_s = now_s
        self.seen_frames += 1
        if detection.tip_px is None:
            return
        faded = detection.tip_confidence < _FADED * self.tip_confidence
        self.tip_confidence = _slowly(self.tip_confidence, detection.tip_confidence)
        if not faded:
            self._take_tip(detection.tip_px, detection.error_px or _UNKNOWN_ERROR_PX * self.scale, now_s)

    def _take_tip(self, tip_px: Point, error_px: float, now_s: float) -> None:
        if self.motion is not None and self._is_expected(tip_px, now_s):
            self.motion.take(now_s, tip_px, COAST_S)
        elif self.motion is None or self._stays(tip_px, now_s):
            self.motion = TipMotion.begin(now_s, tip_px, self.scale)
        else:
            return
        self.error_px = error_px
        self.elsewhere = None

    def _is_expected(self, tip_px: Point, now_s: float) -> bool:
        """Whether a tip is taken at once: within reach, and no jump from the place foretold last."""
        assert self.motion is not None
        far = self.farness(tip_px, now_s)
        return far is not None and far <= 1.0 and self.farness_of_return(tip_px) <= 1.0

    def farness_of_return(self, tip_px: Point) -> float:
        """Give how far a tip is from where this device was last, 1 at the edge of being the same without a jump."""
        assert self.motion is not None
        if self.told_px is not None:
            return math.dist(self.told_px, tip_px) / (_MOST_REACH_PX * self.scale)
        return self.motion.nearest_px(tip_px) / (_SAME_PLACE_PX * self.scale)

    def _stays(self, tip_px: Point, now_s: float) -> bool:
        """Note a tip elsewhere; say whether it has stayed there long enough to be believed."""
        last, frames = self.elsewhere, 1
        near_px = _STAYS_PX * self.scale
        if last is not None and now_s - last.seen_s <= _STAYS_S and math.dist(last.tip_px, tip_px) <= near_px:
            frames += last.frames
        self.elsewhere = Elsewhere(tip_px, frames, now_s)
        return frames >= FRAMES_IF_DOUBTFUL

    def pass_frame(self, now_s: float) -> None:
        """Note whether the frame of this moment showed it, and forget a tip elsewhere that is gone."""
        self.recent = [*self.recent[1 - _RECENT_FRAMES :], self.seen_s == now_s]
        if self.elsewhere is not None and now_s - self.elsewhere.seen_s > _STAYS_S:
            self.elsewhere = None

    def device(self, now_s: float, frame_s: float) -> Device:
        """Say what is told of it at a frame, `frame_s` after the one before."""
        silent_s = now_s - self.seen_s
        seen = silent_s == 0.0
        # What was seen in few frames may have been nothing: it coasts no longer than it had been seen.
        coasting = not seen and silent_s <= min(COAST_S, self.seen_frames * frame_s) + _ROUNDING_S
        visible = seen and self.sees_tip(now_s)
        tip_px, error_px = None, None
        if self.motion is not None and visible:
            tip_px, error_px = self.motion.tip_px, self._seen_error_px(self.motion)
        elif self.motion is not None and (seen or coasting) and self._foretold(self.motion, now_s):
            tip_px = self.expected_px
            doubt_px = _SURPRISE_FORETOLD * self.motion.surprise_px
            error_px = math.hypot(self.error_px, doubt_px, self.motion.bound_px(now_s))
        self.told_px = tip_px
        return Device(
            id=self.id,
            class_=self.class_,
            state="tracked" if seen else "coasting" if coasting else "lost",
            visible=visible,
            confidence=round(self.confidence * math.exp(-silent_s / _CONFIDENCE_DECAY_S), 4),
            tip_px=tip_px,
            tip_mm=None,
            error_px=error_px,
            centreline_px=self.centreline_px if seen or coasting else [],
            electrodes_px=self.electrodes_px if seen or coasting else [],
        )

    def _foretold(self, motion: TipMotion, now_s: float) -> bool:
        """Whether the tip's forecast still says something: not for long, nor once it seems to be elsewhere."""
        doubted = self.elsewhere is not None and self.elsewhere.frames > 1
        return now_s - motion.now_s <= COAST_S + _ROUNDING_S and not doubted

    def _seen_error_px(self, motion: TipMotion) -> float:
        """Widen the detection's own bound by part of how far off the last forecasts were."""
        return math.hypot(self.error_px, _SURPRISE_SHARE * motion.surprise_px)


def _slowly(confidence: float, seen: float) -> float:
    """Bring a confidence nearer to what is seen now; from 0 it is that at once."""
    gain = 1.0 if not confidence else _RISE if seen > confidence else _FALL
    return confidence + gain * (seen - confidence)
