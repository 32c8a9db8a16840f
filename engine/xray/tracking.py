"""Stable identities for the devices of a run of frames.

Each detection goes to the nearest track within reach, by its tip where both tips are known, else by its line. Devices
of the first frame, and later ones that are sure enough, are reported at once; a doubtful one must be seen in three
frames first. A device that is not detected coasts on its damped motion for a bounded time, never longer than it had
been seen; then it is lost, and takes its identity up again if it comes back near. While another of its class is seen
along its line it is not told of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from heartwire.engine.messages import Device
from heartwire.engine.xray.detection import Detection, DeviceClass, Point

REFERENCE_SIZE_PX = 512
"""Distances below hold for frames of this size and grow with the frame."""
_TIP_GATE_PX = 20.0
_TIP_SPEED_PX_S = 300.0
_LINE_GATE_PX = 14.0
_COVER_PX = 6.0
_FAR_PX = 100.0
_LEAST_POINTS = 2
_OTHER_CLASS_COST = 0.5
_COAST_S = 0.5
_FORGET_S = 3.0
_DOUBT_S = 0.2
_VELOCITY_GAIN = 0.4
_DAMPING_S = 0.15
_ERROR_GROWTH_PX_S = 60.0
_UNKNOWN_ERROR_PX = 5.0
_SURE = 0.25
_FRAMES_IF_DOUBTFUL = 3
_CLASS_MEMORY = 0.9
_CONFIDENCE_DECAY_S = 0.7
_ROUNDING_S = 1e-9
_STATE_RANK = {"tracked": 0, "coasting": 1, "lost": 2}


class Track(msgspec.Struct):
    """One device over time. Positions and speeds are px of the frame and px/s, times s from the stream's start.

    `id` is 0 as long as it is doubtful whether there is a device.
    """

    id: int
    class_votes: dict[DeviceClass, float]
    seen_s: float
    seen_frames: int
    confidence: float
    centreline_px: list[Point]
    electrodes_px: list[Point] = []
    tip_px: Point | None = None
    tip_s: float = 0.0
    error_px: float = _UNKNOWN_ERROR_PX
    velocity_px_s: Point = (0.0, 0.0)

    @property
    def class_(self) -> DeviceClass:
        """The class that most of the evidence says."""
        return max(self.class_votes, key=lambda name: (self.class_votes[name], name))

    @property
    def speed_px_s(self) -> float:
        """Speed of the tip."""
        return math.hypot(*self.velocity_px_s)

    def predicted_tip(self, now_s: float) -> Point | None:
        """Give where the tip may be: it goes on a little, ever slower, since hearts turn back."""
        if self.tip_px is None:
            return None
        reach_s = _DAMPING_S * (1.0 - math.exp(-(now_s - self.tip_s) / _DAMPING_S))
        return (
            self.tip_px[0] + self.velocity_px_s[0] * reach_s,
            self.tip_px[1] + self.velocity_px_s[1] * reach_s,
        )


class _State(msgspec.Struct):
    """What a tracker is restored from."""

    begun: bool = False
    next_id: int = 1
    now_s: float = 0.0
    tracks: list[Track] = []


class Tracker:
    """Follows the devices of one stream.

    Examples
    --------
    >>> tracker = Tracker()
    >>> seen = Detection(
    ...     class_="catheter", confidence=0.9, visible=True, tip_px=(100.0, 50.0), error_px=1.0,
    ...     centreline_px=[(0.0, 50.0), (50.0, 50.0), (100.0, 50.0)],
    ... )
    >>> [(d.id, d.state) for d in tracker.update([seen], now_s=0.0)]
    [(1, 'tracked')]
    >>> [(d.id, d.state) for d in tracker.update([], now_s=1 / 15)]
    [(1, 'coasting')]
    """

    def __init__(self) -> None:
        self._state = _State()

    def update(self, detections: Sequence[Detection], now_s: float, scale: float = 1.0) -> list[Device]:
        """Take the detections of the next frame; give all devices, those seen first, in falling confidence.

        Parameters
        ----------
        detections
            What the frame shows.
        now_s
            The frame's time from the start of the stream; later than the last one.
        scale
            Size of the frame over 512 px.
        """
        state = self._state
        for track, detection in self._assign(detections, now_s, scale):
            if track is None:
                track = Track(0, {}, now_s, 0, 0.0, [])
                state.tracks.append(track)
            _take(track, detection, now_s)
            sure = detection.confidence >= _SURE or track.seen_frames >= _FRAMES_IF_DOUBTFUL or not state.begun
            if track.id == 0 and sure:
                track.id = state.next_id
                state.next_id += 1
        state.tracks = [track for track in state.tracks if now_s - track.seen_s <= _memory_s(track)]
        frame_s, state.now_s, state.begun = now_s - state.now_s, now_s, True
        devices = [_device(track, frame_s, now_s, scale) for track in state.tracks if self._is_told(track, scale)]
        return sorted(devices, key=lambda d: (_STATE_RANK[d.state], -d.confidence, d.id))

    def _assign(
        self, detections: Sequence[Detection], now_s: float, scale: float
    ) -> Iterable[tuple[Track | None, Detection]]:
        costs = sorted(
            (cost, i, k)
            for i, track in enumerate(self._state.tracks)
            for k, detection in enumerate(detections)
            if (cost := _cost(track, detection, now_s, scale)) is not None
        )
        taken: dict[int, Track] = {}
        used: set[int] = set()
        for _, i, k in costs:
            if i not in used and k not in taken:
                used.add(i)
                taken[k] = self._state.tracks[i]
        return [(taken.get(k), detection) for k, detection in enumerate(detections)]

    def _is_told(self, track: Track, scale: float) -> bool:
        """Whether a track is a device of its own: not doubtful, and not a lost one along another that is seen now."""
        now_s = self._state.now_s
        if track.id == 0 or track.seen_s == now_s:
            return track.id != 0
        return not any(
            other.seen_s == now_s
            and other.class_ == track.class_
            and _line_distance(track.centreline_px, other.centreline_px) <= _COVER_PX * scale
            for other in self._state.tracks
        )

    def speed_px_s(self) -> float:
        """Give the speed of the fastest tip that the last frame showed."""
        return max((t.speed_px_s for t in self._state.tracks if t.tip_px and t.tip_s == self._state.now_s), default=0.0)

    def reset(self) -> None:
        """Forget all devices."""
        self._state = _State()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot."""
        self._state = msgspec.msgpack.decode(state, type=_State)


def _cost(track: Track, detection: Detection, now_s: float, scale: float) -> float | None:
    """Give how far a detection is from a track, 1 at the edge of reach; None beyond it."""
    silent_s = now_s - track.seen_s
    penalty = 0.0 if track.class_ == detection.class_ else _OTHER_CLASS_COST
    tip = track.predicted_tip(now_s)
    if tip is not None and detection.tip_px is not None:
        reach_px = (_TIP_GATE_PX + _TIP_SPEED_PX_S * min(now_s - track.tip_s, _COAST_S)) * scale
        cost = math.dist(tip, detection.tip_px) / reach_px
        if cost <= 1.0:
            return cost + penalty
        if silent_s > _COAST_S:
            return None
        # A tip that jumped along a line that stayed is still the same device.
        penalty += 1.0
    line = _line_distance(detection.centreline_px, track.centreline_px) / (_LINE_GATE_PX * scale)
    return line + penalty if line <= 1.0 else None


def _line_distance(line: Sequence[Point], other: Sequence[Point]) -> float:
    """Give the median distance of a line's points from the nearest point of another line, px; inf where far apart."""
    if len(line) < _LEAST_POINTS or len(other) < _LEAST_POINTS:
        return math.inf
    a, b = np.array(line), np.array(other)
    if (a.min(axis=0) > b.max(axis=0) + _FAR_PX).any() or (b.min(axis=0) > a.max(axis=0) + _FAR_PX).any():
        return math.inf
    squared = ((a[:, None, :] - b[None, :, :]) ** 2).sum(axis=2)
    return float(np.sqrt(np.median(squared.min(axis=1))))


def _memory_s(track: Track) -> float:
    return _FORGET_S if track.seen_frames >= _FRAMES_IF_DOUBTFUL else _DOUBT_S


def _take(track: Track, detection: Detection, now_s: float) -> None:
    """Bring a track up to date with what was seen of it."""
    votes = {name: vote * _CLASS_MEMORY for name, vote in track.class_votes.items()}
    votes[detection.class_] = votes.get(detection.class_, 0.0) + detection.confidence
    track.class_votes = votes
    track.centreline_px = detection.centreline_px
    track.electrodes_px = detection.electrodes_px
    track.confidence = detection.confidence
    track.seen_s = now_s
    track.seen_frames += 1
    if detection.tip_px is None:
        return
    elapsed_s = now_s - track.tip_s
    if track.tip_px is None or elapsed_s > _COAST_S or elapsed_s <= 0.0:
        track.velocity_px_s = (0.0, 0.0)
    else:
        gain = _VELOCITY_GAIN
        old, moved = track.velocity_px_s, (detection.tip_px[0] - track.tip_px[0], detection.tip_px[1] - track.tip_px[1])
        track.velocity_px_s = (
            old[0] + gain * (moved[0] / elapsed_s - old[0]),
            old[1] + gain * (moved[1] / elapsed_s - old[1]),
        )
    track.tip_px = detection.tip_px
    track.tip_s = now_s
    track.error_px = detection.error_px if detection.error_px is not None else _UNKNOWN_ERROR_PX


def _device(track: Track, frame_s: float, now_s: float, scale: float) -> Device:
    """Say what is known of a device at a frame, `frame_s` after the one before."""
    silent_s, blind_s = now_s - track.seen_s, now_s - track.tip_s
    seen = silent_s == 0.0
    # What was seen in few frames may have been nothing: it coasts no longer than it had been seen.
    coasting = not seen and silent_s <= min(_COAST_S, track.seen_frames * frame_s) + _ROUNDING_S
    visible = seen and track.tip_px is not None and blind_s == 0.0
    tip = track.predicted_tip(now_s) if (seen or coasting) and blind_s <= _COAST_S + _ROUNDING_S else None
    grown_px = max(_ERROR_GROWTH_PX_S * scale, track.speed_px_s) * blind_s
    return Device(
        id=track.id,
        class_=track.class_,
        state="tracked" if seen else "coasting" if coasting else "lost",
        visible=visible,
        confidence=round(track.confidence * math.exp(-silent_s / _CONFIDENCE_DECAY_S), 4),
        tip_px=tip,
        tip_mm=None,
        error_px=None if tip is None else math.hypot(track.error_px, grown_px),
        centreline_px=track.centreline_px if seen or coasting else [],
        electrodes_px=track.electrodes_px if seen or coasting else [],
    )
