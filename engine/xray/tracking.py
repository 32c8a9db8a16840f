"""Stable identities for the devices of a run of frames.

Each detection goes to the nearest track within reach, by its tip where both tips are known, else by its line. Devices
of the first frame, and later ones that are sure, are told at once; others must be seen in three of five frames first. A
device that is not seen coasts on the forecast of its motion for half a second, never longer than it had been seen; then
it is lost, and takes its identity up again if it comes back near within ten seconds. While another of its class is seen
along its line it is not told of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np

from heartwire.engine.messages import Device
from heartwire.engine.xray.detection import Detection, Point
from heartwire.engine.xray.track import COAST_S, FRAMES_IF_DOUBTFUL, Track

REFERENCE_SIZE_PX = 512
"""Distances in px hold for frames of this size and grow with the frame."""
_LINE_GATE_PX = 14.0
_COVER_PX = 6.0
_FAR_PX = 30.0
_LEAST_POINTS = 2
_MOST_POINTS = 30
_OTHER_CLASS_COST = 0.5
_UNSEEN_COST = 0.5
_LOST_COST = 1.0
"""A device that was seen a frame ago goes before one that coasts, and that before one that is lost."""
_GHOST_PX = 8.0
_GHOST_S = 0.2
"""A track not seen for so long, with the tip of another of its class so near to where its own was, was that other."""
_LEAD = 0.5
_TELL_LOST_S = 3.0
_FORGET_S = 10.0
_DOUBT_S = 0.3
_SURE = 0.6


class _State(msgspec.Struct):
    """What a tracker is restored from."""

    begun: bool = False
    next_id: int = 1
    now_s: float = 0.0
    first_id: int = 0
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
        self._lines: dict[int, _Line] = {}

    def update(self, detections: Sequence[Detection], now_s: float, scale: float = 1.0) -> list[Device]:
        """Take the detections of the next frame; give all devices.

        They come in falling confidence, lost ones last; but the first stays first until another is far surer.

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
        frame_s, state.now_s = now_s - state.now_s, now_s
        for track in state.tracks:
            track.expect(now_s)
        for owner, detection in self._assign(detections, now_s):
            if owner is None:
                state.tracks.append(Track(0, scale))
            (owner or state.tracks[-1]).take(detection, now_s)
        self._lines.clear()
        for track in list(state.tracks):
            track.pass_frame(now_s)
            sure = track.seen_frames == 1 and (track.confidence >= _SURE or not state.begun)
            if track.id == 0 and track.seen_s == now_s and (sure or track.steady):
                self._name(track)
        state.tracks = [t for t in state.tracks if now_s - t.seen_s <= _memory_s(t) and not self._is_ghost(t)]
        state.begun = True
        devices = []
        for track in state.tracks:
            track.told_px = None
            if self._is_told(track):
                devices.append(track.device(now_s, frame_s))
        devices.sort(key=lambda d: (d.state == "lost", -d.confidence, d.id))
        return self._led(devices)

    def _led(self, devices: list[Device]) -> list[Device]:
        """Put first what was first before, unless another has become far surer: readers may take the first alone."""
        state = self._state
        leader = next((d for d in devices if d.id == state.first_id and d.state != "lost"), None)
        if leader is None or leader.confidence < _LEAD * devices[0].confidence:
            leader = devices[0] if devices else None
        state.first_id = leader.id if leader else 0
        return [leader, *(d for d in devices if d is not leader)] if leader else []

    def _assign(self, detections: Sequence[Detection], now_s: float) -> Iterable[tuple[Track | None, Detection]]:
        lines = [_Line(detection.centreline_px) for detection in detections]
        costs = []
        for i, track in enumerate(self._state.tracks):
            line = _Line(track.centreline_px)
            for k, detection in enumerate(detections):
                if (cost := _cost(track, line, detection, lines[k], now_s)) is not None:
                    costs.append((cost, i, k))
        costs.sort()
        taken: dict[int, Track] = {}
        used: set[int] = set()
        for _, i, k in costs:
            if i not in used and k not in taken:
                used.add(i)
                taken[k] = self._state.tracks[i]
        return [(taken.get(k), detection) for k, detection in enumerate(detections)]

    def _name(self, track: Track) -> None:
        """Give a track its identity: that of a device which is not seen now and was last where this one is, if any."""
        state, line = self._state, self._line(track)
        heirs = [
            (farness, other.id)
            for other in state.tracks
            if other.id and other.seen_s < state.now_s and (farness := _whereabouts(track, line, other)) <= 1.0
        ]
        if not heirs:
            track.id = state.next_id
            state.next_id += 1
            return
        track.id = min(heirs)[1]
        state.tracks = [other for other in state.tracks if other is track or other.id != track.id]

    def _is_ghost(self, track: Track) -> bool:
        """Whether a track is what is left of a device that is followed under another identity."""
        now_s = self._state.now_s
        if track.motion is None or now_s - track.seen_s < _GHOST_S:
            return False
        return any(
            other.id and other.motion and other.class_ == track.class_ and other.steady and other.sees_tip(now_s)
            and track.motion.nearest_px(other.motion.tip_px) <= _GHOST_PX * track.scale
            for other in self._state.tracks
        )  # fmt: skip

    def _is_told(self, track: Track) -> bool:
        """Whether a track is a device of its own: not doubtful, and not a lost one along another that is seen now."""
        now_s = self._state.now_s
        if track.id == 0 or track.seen_s == now_s:
            return track.id != 0
        if now_s - track.seen_s > _TELL_LOST_S:
            return False
        line = self._line(track)
        return not any(
            other.seen_s == now_s
            and other.class_ == track.class_
            and line.distance_px(self._line(other)) <= _COVER_PX * track.scale
            for other in self._state.tracks
        )

    def _line(self, track: Track) -> _Line:
        """Give the line of a track in this frame, made once."""
        made = self._lines.get(id(track))
        if made is None:
            made = self._lines[id(track)] = _Line(track.centreline_px)
        return made

    def speed_px_s(self) -> float:
        """Give the speed of the fastest tip that the last frame showed."""
        now_s = self._state.now_s
        return max((t.motion.speed_px_s for t in self._state.tracks if t.motion and t.sees_tip(now_s)), default=0.0)

    def reset(self) -> None:
        """Forget all devices."""
        self._state = _State()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot."""
        self._state = msgspec.msgpack.decode(state, type=_State)


class _Line:
    """A centreline, thinned, with the box around it."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = np.array(points[:: max(1, len(points) // _MOST_POINTS)], np.float32)
        if self.has_length:
            (self._left, self._top), (self._right, self._bottom) = self._points.min(axis=0), self._points.max(axis=0)

    @property
    def has_length(self) -> bool:
        return len(self._points) >= _LEAST_POINTS

    def distance_px(self, other: _Line) -> float:
        """Give the median distance of this line's points from the nearest point of another; inf where far apart."""
        if not (self.has_length and other.has_length):
            return math.inf
        if max(self._left - other._right, other._left - self._right) > _FAR_PX:
            return math.inf
        if max(self._top - other._bottom, other._top - self._bottom) > _FAR_PX:
            return math.inf
        apart = self._points[:, None, :] - other._points[None, :, :]
        squared = np.einsum("ijk,ijk->ij", apart, apart).min(axis=1)
        return math.sqrt(float(np.partition(squared, len(squared) // 2)[len(squared) // 2]))


def _cost(track: Track, before: _Line, detection: Detection, now: _Line, now_s: float) -> float | None:
    """Give how far a detection is from a track, 1 at the edge of reach; None beyond it."""
    penalty = 0.0 if track.class_ == detection.class_ else _OTHER_CLASS_COST
    if now_s - track.seen_s > COAST_S:
        penalty += _LOST_COST
    elif not track.recent[-1]:
        penalty += _UNSEEN_COST
    if detection.tip_px is not None and (far := track.farness(detection.tip_px, now_s)) is not None:
        if far <= 1.0:
            return far + penalty
        if now_s - track.seen_s > COAST_S:
            return None
        # A tip that jumped along a line that stayed is still the same device.
        penalty += 1.0
    line = now.distance_px(before) / (_LINE_GATE_PX * track.scale)
    return line + penalty if line <= 1.0 else None


def _whereabouts(track: Track, line: _Line, other: Track) -> float:
    """Give how far a track is from where another was last, 1 at the edge of being the same device."""
    penalty = 0.0 if track.class_ == other.class_ else _OTHER_CLASS_COST
    if track.motion is None or other.motion is None:
        return line.distance_px(_Line(other.centreline_px)) / (_LINE_GATE_PX * track.scale) + penalty
    return other.farness_of_return(track.motion.tip_px) + penalty


def _memory_s(track: Track) -> float:
    return _FORGET_S if track.id and track.seen_frames >= FRAMES_IF_DOUBTFUL else _DOUBT_S
