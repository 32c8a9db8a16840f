"""Single beats that call for attention: couplets, R on T, many ventricular beats a minute, a missed beat.

Each is judged on confirmed beats. What is over in an instant holds for `ectopy_hold_s`, so that it is seen and, coming
again, not told again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import NamedTuple

import msgspec

from heartwire.engine.alarms.limits import AlarmLimits
from heartwire.engine.messages import Beat, Reason

_MINUTE_S = 60.0
_FEWER = 3
"""PVC_RATE ends when the count is so much below its limit."""
_INTERVALS = 6
_REGULAR = 0.12
"""Intervals are regular when none of the last `_INTERVALS` is farther than this part from their median."""
_END_OF_T = 0.36
"""Seconds from R to about the end of the T wave at an RR interval of one second; it goes with the root of the interval
(Bazett 1920)."""
_UNSTEADY = ("AFIB", "VT", "VF", "ASYS", "IVR", "")
"""Rhythms in which a missing beat means nothing or something graver."""
_STEADY = {"N", "Q"}
"""Classes of the beats about a missing one."""


class Change(NamedTuple):
    """A condition that begins, or ends where `onset_sample` is None."""

    code: str
    onset_sample: int | None
    reason: Reason


class _Memory(msgspec.Struct):
    """The last beats (R peaks and classes), the ventricular beats of the last minute, and until when what holds."""

    samples: list[int] = []
    labels: str = ""
    ventricular: list[int] = []
    many: bool = False
    until: dict[str, int] = {}


class EctopyWatch:
    """Watches the beats of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._memory = _Memory()

    def beat(self, beat: Beat, rhythm: str, limits: AlarmLimits) -> Iterator[Change]:
        """Take the next confirmed beat, the rhythm's label and the limits that hold; give what begins with it."""
        memory = self._memory
        if (
            rhythm not in _UNSTEADY
            and beat.label in _STEADY
            and (missed := self._missed(beat.sample, limits)) is not None
        ):
            yield self._momentary("MISSED_BEAT", memory.samples[-1], beat.sample, limits, missed)
        memory.samples = [*memory.samples[-_INTERVALS - 2 :], beat.sample]
        memory.labels = (memory.labels + beat.label)[-_INTERVALS - 3 :]
        if beat.label == "V":
            memory.ventricular.append(beat.sample)
            if (early := self._on_t()) is not None:
                yield self._momentary("R_ON_T", beat.sample, beat.sample, limits, early)
        elif memory.labels[-3:-1] == "VV" and memory.labels[-4:-3] != "V" and len(memory.labels) > 3:
            gap_s = (memory.samples[-2] - memory.samples[-3]) / self.rate_hz
            reason: Reason = {"rule": "two ventricular beats between others", "interval_s": round(gap_s, 3)}
            yield self._momentary("COUPLET", memory.samples[-3], beat.sample, limits, reason)
        yield from self._count(beat, limits.pvc_per_minute)

    def _intervals(self, end: int) -> list[float]:
        """Give the last intervals, in seconds, up to the beat `end` from the last, between beats not ventricular."""
        last = self._memory.samples[: len(self._memory.samples) - end]
        labels = self._memory.labels[: len(self._memory.labels) - end]
        return [
            (b - a) / self.rate_hz
            for (a, b), pair in zip(pairwise(last), pairwise(labels), strict=True)
            if "V" not in pair
        ]

    def _on_t(self) -> Reason | None:
        """Say how early a ventricular beat is, where it falls on the T wave of the beat before."""
        memory = self._memory
        before = self._intervals(1)
        if memory.labels[-2:-1] in ("", "V") or len(before) < 2:
            return None
        early_s = (memory.samples[-1] - memory.samples[-2]) / self.rate_hz
        usual_s = median(before)
        end_of_t_s = _END_OF_T * sqrt(usual_s)
        if early_s > end_of_t_s:
            return None
        return {
            "rule": "ventricular beat before the end of the T wave",
            "interval_s": round(early_s, 3),
            "t_end_s": round(end_of_t_s, 3),
            "usual_s": round(usual_s, 3),
        }

    def _count(self, beat: Beat, limit: int) -> Iterator[Change]:
        memory = self._memory
        since = beat.sample - _MINUTE_S * self.rate_hz
        while memory.ventricular and memory.ventricular[0] <= since:
            del memory.ventricular[0]
        count = len(memory.ventricular)
        if count > limit and not memory.many:
            memory.many = True
            reason: Reason = {"rule": "ventricular beats in a minute", "beats": count, "limit": limit}
            yield Change("PVC_RATE", memory.ventricular[0], reason)
        elif memory.many and count <= max(limit - _FEWER, 0):
            memory.many = False
            yield Change("PVC_RATE", None, {"rule": "fewer ventricular beats in a minute", "beats": count})

    @property
    def holds(self) -> bool:
        """Whether anything of an instant holds still."""
        return bool(self._memory.until)

    def look(self, seen_to: int) -> Iterator[Change]:
        """Take note that every beat before `seen_to` has been given; give what ends with that."""
        for code in [code for code, until in self._memory.until.items() if seen_to >= until]:
            del self._memory.until[code]
            yield Change(code, None, {"rule": "some seconds ago"})

    def _missed(self, sample: int, limits: AlarmLimits) -> Reason | None:
        """Say how long it was to this beat, where that is too long for a regular rhythm before it."""
        memory = self._memory
        if not memory.samples or set(memory.labels[-_INTERVALS - 1 :]) - _STEADY:
            return None
        last = self._intervals(0)[-_INTERVALS:]
        if len(last) < _INTERVALS:
            return None
        usual_s, this_s = median(last), (sample - memory.samples[-1]) / self.rate_hz
        if this_s < limits.missed_ratio * usual_s or max(abs(rr - usual_s) for rr in last) > _REGULAR * usual_s:
            return None
        return {"rule": "a beat is missing", "interval_s": round(this_s, 3), "usual_s": round(usual_s, 3)}

    def _momentary(self, code: str, onset_sample: int, now: int, limits: AlarmLimits, reason: Reason) -> Change:
        self._memory.until[code] = now + round(limits.ectopy_hold_s * self.rate_hz)
        return Change(code, onset_sample, reason)

    def interrupt(self) -> None:
        """Take note that the beats that follow do not join those before."""
        self._memory.samples = []
        self._memory.labels = ""

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self.rate_hz, self._memory))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self.rate_hz, self._memory = msgspec.msgpack.decode(state, type=tuple[float, _Memory])
