"""What two processors of one stream find, compared: what agrees, what differs, what only one of them found."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

import msgspec

from heartwire.engine.messages import AlarmEvent, Beat, CatheterFix, Classification, Device, Rhythm

_MOST_KEPT = 20
_TIP_PX = 5.0
_WITHIN_S = {"beat confirmed": 0.15, "beat revised": 0.15, "rhythm": 5.0, "warning": 5.0}
"""How far apart two findings may lie that tell of the same (beats: EC57); frames and windows must be the same."""


class Counts(msgspec.Struct):
    """Findings of one kind."""

    agree: int = 0
    differ: int = 0
    only_running: int = 0
    only_candidate: int = 0


class Difference(msgspec.Struct):
    """Something that the two did not find alike; empty: not found."""

    kind: str
    place: int
    running: str
    candidate: str


class _Told(NamedTuple):
    kind: str
    key: str
    place: int
    what: str
    devices: tuple[Device, ...] = ()


def _told(finding: object) -> _Told | None:
    match finding:
        case Beat(stage="confirmed" | "revised" as stage):
            return _Told(f"beat {stage}", "", finding.sample, finding.label)
        case Rhythm():
            return _Told("rhythm", "", finding.sample, finding.label)
        case AlarmEvent():
            what = f"{finding.condition} {finding.change}"
            return _Told("warning", what, finding.decision_sample, f"{what} {finding.priority}")
        case Classification():
            return _Told("classification", "", finding.decision_sample, finding.label)
        case CatheterFix():
            seen = tuple(device for device in finding.devices if device.visible)
            what = ", ".join(f"{d.class_} {d.tip_px}" for d in seen) or "nothing"
            return _Told("fix", "", finding.frame, what, seen)
    return None


def _alike(one: _Told, other: _Told) -> bool:
    if one.kind != "fix":
        return one.what == other.what
    if sorted(d.class_ for d in one.devices) != sorted(d.class_ for d in other.devices):
        return False
    return all(any(_near(a, b) for b in other.devices) for a in one.devices)


def _near(one: Device, other: Device) -> bool:
    if one.class_ != other.class_ or one.tip_px is None or other.tip_px is None:
        return one.class_ == other.class_ and one.tip_px == other.tip_px
    away = (one.tip_px[0] - other.tip_px[0], one.tip_px[1] - other.tip_px[1])
    return bool(away[0] ** 2 + away[1] ** 2 <= _TIP_PX**2)


class Agreement:
    """Compares findings as they come from either side, in each one's order.

    Parameters
    ----------
    rate_hz
        Samples a second, of which frames have none.
    """

    def __init__(self, rate_hz: float = 0.0) -> None:
        self.rate_hz = rate_hz
        self.counts: dict[str, Counts] = {}
        self.differences: list[Difference] = []
        """The first ones."""
        self._waiting: tuple[list[_Told], list[_Told]] = ([], [])
        self._left_out: deque[tuple[int, int]] = deque()
        """Samples or frames that one of the two did not get."""

    def leave_out(self, first: int, end: int) -> None:
        """Compare nothing from sample (or frame) `first` up to `end`: one of the two has not had it."""
        if self._left_out and first <= self._left_out[-1][1]:
            first, _ = self._left_out.pop()
        self._left_out.append((first, end))

    def _is_left_out(self, told: _Told) -> bool:
        within = self._within(told.kind)
        return any(first - within <= told.place < end + within for first, end in self._left_out)

    def running(self, finding: object) -> None:
        """Take what the processor at work found."""
        self._take(0, finding)

    def candidate(self, finding: object) -> None:
        """Take what the candidate found."""
        self._take(1, finding)

    def _within(self, kind: str) -> float:
        return _WITHIN_S.get(kind, 0.0) * self.rate_hz

    def _take(self, side: int, finding: object) -> None:
        if (told := _told(finding)) is None or self._is_left_out(told):
            return
        others = self._waiting[1 - side]
        near = [o for o in others if (o.kind, o.key) == (told.kind, told.key)]
        near = [o for o in near if abs(o.place - told.place) <= self._within(told.kind)]
        if not near:
            self._waiting[side].append(told)
            return
        other = min(near, key=lambda o: abs(o.place - told.place))
        others.remove(other)
        counts = self.counts.setdefault(told.kind, Counts())
        if _alike(told, other):
            counts.agree += 1
            return
        counts.differ += 1
        pair = (told, other) if side == 0 else (other, told)
        self._keep(Difference(told.kind, pair[0].place, pair[0].what, pair[1].what))

    def _keep(self, difference: Difference) -> None:
        if len(self.differences) < _MOST_KEPT:
            self.differences.append(difference)

    def pass_by(self, sample: int) -> None:
        """Give up waiting for partners of what lies far enough before a sample (or frame) that both have passed."""
        for side in range(2):
            waiting = self._waiting[side]
            for told in [t for t in waiting if t.place + self._within(t.kind) < sample]:
                waiting.remove(told)
                if self._is_left_out(told):
                    continue
                counts = self.counts.setdefault(told.kind, Counts())
                if side == 0:
                    counts.only_running += 1
                    self._keep(Difference(told.kind, told.place, told.what, ""))
                else:
                    counts.only_candidate += 1
                    self._keep(Difference(told.kind, told.place, "", told.what))
        longest = max(map(self._within, _WITHIN_S))
        while self._left_out and self._left_out[0][1] + 2 * longest < sample:
            self._left_out.popleft()
