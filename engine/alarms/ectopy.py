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
_MOMENTARY = ("COUPLET", "R_ON_T", "MISSED_BEAT")
_INTERVALS = 6
_REGULAR = 0.12
"""Intervals are regular when none of the last `_INTERVALS` is farther than this part from their median."""
_SOONEST_S = 0.5
"""No beat is missed sooner after another."""
_END_OF_T = 0.36
"""Seconds from R to about the end of the T wave at an RR interval of one second; it goes with the root of the interval
(Bazett 1920)."""
_UNSTEADY = ("AFIB", "VT", "VF", "ASYS", "IVR", "")
"""Rhythms in which a missing beat means nothing or something graver."""


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
    limits
        When to speak.
    """

    def __init__(self, rate_hz: float, limits: AlarmLimits) -> None:
        self.rate_hz = rate_hz
        self._limits = limits
        self._memory = _Memory()

    def beat(self, beat: Beat) -> Iterator[Change]:
        """Take the next confirmed beat; give what begins with it."""
        memory = self._memory
        memory.samples = [*memory.samples[-_INTERVALS - 2 :], beat.sample]
        memory.labels = (memory.labels + beat.label)[-_INTERVALS - 3 :]
        if beat.label == "V":
            memory.ventricular.append(beat.sample)
            if (early := self._on_t()) is not None:
                yield self._momentary("R_ON_T", beat.sample, beat.sample, early)
        elif memory.labels[-3:-1] == "VV" and memory.labels[-4:-3] != "V" and len(memory.labels) > 3:
            gap_s = (memory.samples[-2] - memory.samples[-3]) / self.rate_hz
            reason: Reason = {"rule": "two ventricular beats between others", "interval_s": round(gap_s, 3)}
            yield self._momentary("COUPLET", memory.samples[-3], beat.sample, reason)
        yield from self._count(beat)

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

    def _count(self, beat: Beat) -> Iterator[Change]:
        memory, limit = self._memory, self._limits.pvc_per_minute
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

    def look(self, seen_to: int, rhythm: str) -> Iterator[Change]:
        """Take note that every beat before `seen_to` has been given; give what that begins and ends."""
        memory = self._memory
        if (missed := self._missed(seen_to)) is not None and rhythm not in _UNSTEADY:
            yield self._momentary("MISSED_BEAT", memory.samples[-1], seen_to, missed)
        for code in _MOMENTARY:
            if code in memory.until and seen_to >= memory.until[code]:
                del memory.until[code]
                yield Change(code, None, {"rule": "some seconds ago"})

    def _missed(self, seen_to: int) -> Reason | None:
        memory = self._memory
        silent_s = (seen_to - memory.samples[-1]) / self.rate_hz if memory.samples else 0.0
        if silent_s < _SOONEST_S or memory.until.get("MISSED_BEAT", -1) > seen_to:
            return None
        if set(memory.labels[-_INTERVALS - 1 :]) - {"N", "Q"}:
            return None
        last = self._intervals(0)[-_INTERVALS:]
        if len(last) < _INTERVALS:
            return None
        usual_s = median(last)
        if silent_s < self._limits.missed_ratio * usual_s or max(abs(rr - usual_s) for rr in last) > _REGULAR * usual_s:
            return None
        return {"rule": "no beat where one was due", "silent_s": round(silent_s, 3), "usual_s": round(usual_s, 3)}

    def _momentary(self, code: str, onset_sample: int, now: int, reason: Reason) -> Change:
        self._memory.until[code] = now + round(self._limits.ectopy_hold_s * self.rate_hz)
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
