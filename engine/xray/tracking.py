"""Stable identities for the devices of a run of frames.

Each detection goes to the nearest track within reach: by its tip where both tips are known, and only then by its line.
Devices of the first frame, and later ones that are sure, are told at once; others must be seen in three of five frames
first. A device that is not seen coasts on the forecast of its motion for half a second, never longer than it had been
seen; then it is lost, and takes its identity up again if it comes back near within ten seconds. While another of its
class is seen along its line it is not told of.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec
import numba
import numpy as np

from heartwire.engine.messages import Device
from heartwire.engine.xray.conditioning import Array
from heartwire.engine.xray.detection import Detection, Point
from heartwire.engine.xray.motion import TipMotion
from heartwire.engine.xray.rhythm import fit
from heartwire.engine.xray.track import COAST_S, FRAMES_IF_DOUBTFUL, Track

REFERENCE_SIZE_PX = 512
"""Distances in px hold for frames of this size and grow with the frame."""
_REFERENCE_SHAPE = (REFERENCE_SIZE_PX, REFERENCE_SIZE_PX)
_LINE_GATE_PX = 14.0
_COVER_PX = 6.0
_LEAST_POINTS = 2
_MOST_POINTS = 30
_OTHER_CLASS_COST = 0.5
_LINE_ALONE_COST = 1.0
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
_SURE = 0.9


class _State(msgspec.Struct):
    """What a tracker is restored from."""

    begun: bool = False
    next_id: int = 1
    now_s: float = 0.0
    first_id: int = 0
    shape: tuple[int, int] | None = None
    tracks: list[Track] = []


class Tracker:
    """Follows the devices of one stream.

    Parameters
    ----------
    tell_confidence
        A device must once have been as sure as this to be told; the confidence of a track is slow, so that one frame
        does not decide.

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

    def __init__(self, tell_confidence: float = 0.0) -> None:
        self._tell_confidence = tell_confidence
        self._state = _State()
        self._lines: dict[int, tuple[list[Point], _Line]] = {}
        """Lines by the list of points that they were made of, which they keep."""

    def update(
        self, detections: Sequence[Detection], now_s: float, shape: tuple[int, int] = _REFERENCE_SHAPE
    ) -> list[Device]:
        """Take the detections of the next frame; give all devices.

        They come in falling confidence, lost ones last; but the first stays first until another is far surer.

        Parameters
        ----------
        detections
            What the frame shows.
        now_s
            The frame's time from the start of the stream; later than the last one.
        shape
            Height and width of the frame: where they change, devices begin anew.
        """
        state = self._state
        if state.shape != shape:
            state = self._state = _State(next_id=state.next_id, now_s=state.now_s, shape=shape)
        scale = min(shape) / REFERENCE_SIZE_PX
        state.tracks = [track for track in state.tracks if now_s - track.seen_s <= _FORGET_S]
        frame_s, state.now_s = now_s - state.now_s, now_s
        for track in state.tracks:
            track.expect(now_s)
        for owner, detection in self._assign(detections, now_s):
            if owner is None:
                state.tracks.append(Track(0, scale))
            (owner or state.tracks[-1]).take(detection, now_s)
        for track in list(state.tracks):
            track.pass_frame(now_s)
            sure = track.seen_frames == 1 and (track.confidence >= _SURE or not state.begun)
            likely = track.confidence >= self._tell_confidence and (sure or track.steady)
            if track.id == 0 and track.seen_s == now_s and (likely or self._comes_back(track)):
                self._name(track)
        sure_tips = [t for t in state.tracks if t.id and t.sees_tip(now_s) and t.steady]
        state.tracks = [
            t for t in state.tracks if now_s - t.seen_s <= _memory_s(t) and not self._is_ghost(t, sure_tips)
        ]
        state.begun = True
        seen = [track for track in state.tracks if track.seen_s == now_s]
        devices = []
        for track in state.tracks:
            track.told_px = None
            if self._is_told(track, seen):
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
        kept = {id(track.centreline_px) for track in self._state.tracks}
        self._lines = {key: made for key, made in self._lines.items() if key in kept}
        lines = [self._line(detection.centreline_px) for detection in detections]
        costs = []
        for i, track in enumerate(self._state.tracks):
            line = self._line(track.centreline_px)
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

    def _comes_back(self, track: Track) -> bool:
        """Whether the tip of a device that was lost is seen again where it was: it need not prove itself anew."""
        return any(
            other.motion and track.motion and other.seen_frames >= FRAMES_IF_DOUBTFUL
            for _, other in self._gone_near(track)
        )

    def _gone_near(self, track: Track) -> list[tuple[float, Track]]:
        """Give the devices that are not seen now and were last where a track is, and how far off."""
        return [
            (farness, other)
            for other in self._state.tracks
            if other.id and other.seen_s < self._state.now_s and (farness := self._whereabouts(track, other)) <= 1.0
        ]

    def _name(self, track: Track) -> None:
        """Give a track its identity: that of a device which is not seen now and was last where this one is, if any."""
        state = self._state
        heirs = [(farness, other.id) for farness, other in self._gone_near(track)]
        if not heirs:
            track.id = state.next_id
            state.next_id += 1
            return
        track.id = min(heirs)[1]
        state.tracks = [other for other in state.tracks if other is track or other.id != track.id]

    def _is_ghost(self, track: Track, sure_tips: Sequence[Track]) -> bool:
        """Whether a track is what is left of a device that is followed under another identity."""
        motion = track.motion
        if motion is None or self._state.now_s - track.seen_s < _GHOST_S:
            return False
        reach_px = _GHOST_PX * track.scale
        return any(
            other.class_ == track.class_ and other.motion and motion.nearest_px(other.motion.tip_px) <= reach_px
            for other in sure_tips
        )

    def _is_told(self, track: Track, seen: Sequence[Track]) -> bool:
        """Whether a track is a device of its own: not doubtful, and not a lost one along another that is `seen` now."""
        now_s = self._state.now_s
        if track.id == 0 or track.seen_s == now_s:
            return track.id != 0
        if now_s - track.seen_s > _TELL_LOST_S:
            return False
        line, cover_px = self._line(track.centreline_px), _COVER_PX * track.scale
        return not any(
            other.class_ == track.class_ and line.distance_px(self._line(other.centreline_px), cover_px) <= cover_px
            for other in seen
        )

    def _whereabouts(self, track: Track, other: Track) -> float:
        """Give how far a track is from where another was last, 1 at the edge of being the same device."""
        penalty = 0.0 if track.class_ == other.class_ else _OTHER_CLASS_COST
        if track.motion is None or other.motion is None:
            gate_px = _LINE_GATE_PX * track.scale
            line, last = self._line(track.centreline_px), self._line(other.centreline_px)
            return line.distance_px(last, gate_px) / gate_px + penalty
        return other.farness_of_return(track.motion.tip_px) + penalty

    def _line(self, points: list[Point]) -> _Line:
        """Give the line of a list of points, made once: what is a detection's now is a track's in the next frame."""
        made = self._lines.get(id(points))
        if made is None:
            made = self._lines[id(points)] = (points, _Line(points))
        return made[1]

    def speed_px_s(self) -> float:
        """Give the speed of the fastest tip that the last frame showed."""
        now_s = self._state.now_s
        return max((t.motion.speed_px_s for t in self._state.tracks if t.motion and t.sees_tip(now_s)), default=0.0)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(self._state)

    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot."""
        self._state = msgspec.msgpack.decode(state, type=_State)
        self._lines = {}


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _median_distance_px(line: Array, other: Array) -> float:
    """Give the median distance of a line's points (n, 2) from the nearest point of another (m, 2)."""
    squared = np.empty(len(line), np.float32)
    for i in range(len(line)):
        least = np.float32(np.inf)
        for j in range(len(other)):
            x, y = line[i, 0] - other[j, 0], line[i, 1] - other[j, 1]
            least = min(least, x * x + y * y)
        squared[i] = least
    squared.sort()
    return math.sqrt(squared[len(squared) // 2])


class _Line:
    """A centreline, thinned, with the box around it."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._points = np.array(points[:: max(1, len(points) // _MOST_POINTS)], np.float32)
        self._has_length = len(self._points) >= _LEAST_POINTS
        if self._has_length:
            self._left, self._top = self._points.min(axis=0).tolist()
            self._right, self._bottom = self._points.max(axis=0).tolist()

    def distance_px(self, other: _Line, far_px: float) -> float:
        """Give the median distance of this line's points from the nearest of another; inf where beyond `far_px`."""
        if not (self._has_length and other._has_length):
            return math.inf
        if max(self._left - other._right, other._left - self._right) > far_px:
            return math.inf
        if max(self._top - other._bottom, other._top - self._bottom) > far_px:
            return math.inf
        return float(_median_distance_px(self._points, other._points))


def warm_up() -> None:
    """Compile what is compiled at first use."""
    _Line([(0.0, 0.0), (1.0, 0.0)]).distance_px(_Line([(0.0, 1.0), (1.0, 1.0)]), math.inf)
    TipMotion.begin(0.0, (0.0, 0.0), 1.0).take(1.0, (0.0, 0.0), COAST_S)
    times_s = np.arange(30.0) / 15.0
    found = fit(times_s, np.stack([times_s, times_s], axis=1))
    assert found is not None
    found.at(times_s)


def _cost(track: Track, before: _Line, detection: Detection, now: _Line, now_s: float) -> float | None:
    """Give how far a detection is from a track, 1 at the edge of reach; None beyond it."""
    silent = now_s - track.seen_s > COAST_S
    cost = None
    if detection.tip_px is not None and (far := track.farness(detection.tip_px, now_s)) is not None:
        if far <= 1.0:
            cost = far
        elif silent:
            return None
    if cost is None:
        gate_px = _LINE_GATE_PX * track.scale
        cost = now.distance_px(before, gate_px) / gate_px
        if cost > 1.0:
            return None
        # A tip that jumped along a line that stayed is still the same device, but a tip in its place says more.
        cost += _LINE_ALONE_COST if detection.tip_px is not None or track.motion is not None else 0.0
    cost += 0.0 if track.class_ == detection.class_ else _OTHER_CLASS_COST
    if silent:
        return cost + _LOST_COST
    return cost if track.recent[-1] else cost + _UNSEEN_COST


def _memory_s(track: Track) -> float:
    return _FORGET_S if track.id and track.seen_frames >= FRAMES_IF_DOUBTFUL else _DOUBT_S
