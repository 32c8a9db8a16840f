"""NOT_CAPTURING: pulses of a pacemaker that no beat follows.

A pulse is judged once every beat of the 300 ms after it is known. One with a beat in that time captured; one soon after
a beat could not. What remains, alone on a quiet line, at the steady interval and height of a pacemaker, several times
in a row, is failure to capture: noise keeps no time.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec

from heartwire.engine.alarms.ectopy import Change
from heartwire.engine.ecg.pacing import PacerPulse
from heartwire.engine.ecg.step import Step
from heartwire.engine.messages import Reason

_PULSES = 4
"""Pulses without a beat that are a failure."""
_WITHIN_S = 0.3
"""A beat that a pulse made has its R peak so soon after it; a heart is refractory so long after a beat."""
_ON_TIME_S = 0.02
_INTERVAL_S = (0.33, 2.0)
_STEADY = 1.1
_ALIKE = 1.5
_CAPTURED_ENDS = 2
_GONE_S = 5.0
_BEATS = 8


class _Memory(msgspec.Struct):
    """Pulses not judged yet, the last beats, the last pulses lost and how many captured since; whether it is on.

    Before `blind_to` no pulse could be seen.
    """

    waiting: list[PacerPulse] = []
    beats: list[int] = []
    lost: list[PacerPulse] = []
    captured: int = 0
    on: bool = False
    blind_to: int = 0


class CaptureWatch:
    """Watches the pacer pulses of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._memory = _Memory()

    def concerns(self, step: Step) -> bool:
        """Tell whether `take` would do anything with a step: of most it would not."""
        memory = self._memory
        told = step.beats or step.spikes or step.signal != "good"
        return bool(told or memory.waiting or memory.on)

    def take(self, step: Step) -> Iterator[Change]:
        """Take the pulses and beats of the next step; give what changes."""
        memory, seen_to = self._memory, step.seen_to
        if step.beats:
            memory.beats = [*memory.beats, *(beat.sample for beat in step.beats)][-_BEATS:]
        if step.signal != "good":
            memory.blind_to = seen_to
        elif step.spikes:
            memory.waiting += step.spikes
        while memory.waiting and memory.waiting[0].at + _WITHIN_S * self.rate_hz <= seen_to:
            yield from self._judge(memory.waiting.pop(0))
        if memory.on and seen_to - max(memory.lost[-1].at, memory.blind_to) >= _GONE_S * self.rate_hz:
            yield from self._end("no such pulse any more")

    def _judge(self, spike: PacerPulse) -> Iterator[Change]:
        memory = self._memory
        after_s = [(beat - spike.at) / self.rate_hz for beat in memory.beats]
        if any(-_ON_TIME_S <= after <= _WITHIN_S for after in after_s):
            memory.captured += 1
            if memory.on and memory.captured >= _CAPTURED_ENDS:
                yield from self._end("beats follow the pulses")
            elif not memory.on:
                memory.lost = []
            return
        refractory = any(-_WITHIN_S <= after < 0.0 for after in after_s)
        second = bool(memory.lost) and spike.at - memory.lost[-1].at < _INTERVAL_S[0] * self.rate_hz
        if refractory or second or not spike.alone:
            return
        memory.captured = 0
        memory.lost = [*memory.lost[1 - _PULSES :], spike]
        if not memory.on and self._paced():
            memory.on = True
            interval_s = (memory.lost[-1].at - memory.lost[0].at) / (_PULSES - 1) / self.rate_hz
            reason: Reason = {
                "rule": "pacer pulses without a beat",
                "pulses": _PULSES,
                "rate_bpm": round(60.0 / interval_s, 1),
                "pulse_samples": [lost.at for lost in memory.lost],
            }
            yield Change("NOT_CAPTURING", memory.lost[0].at, reason)

    def _paced(self) -> bool:
        """Tell whether the last lost pulses follow each other like those of a pacemaker."""
        lost = self._memory.lost
        if len(lost) < _PULSES:
            return False
        intervals = [b.at - a.at for a, b in pairwise(lost)]
        heights = [spike.height_mv for spike in lost]
        return (
            max(intervals) <= _STEADY * min(intervals)
            and max(intervals) <= _INTERVAL_S[1] * self.rate_hz
            and max(heights) <= _ALIKE * min(heights)
        )

    def _end(self, rule: str) -> Iterator[Change]:
        self._memory.on, self._memory.lost = False, []
        yield Change("NOT_CAPTURING", None, {"rule": rule})

    def interrupt(self, until: int) -> None:
        """Take note that pulses and beats from a sample on do not join those before."""
        memory = self._memory
        memory.blind_to = until
        memory.waiting, memory.beats = [], []
        if not memory.on:
            memory.lost = []

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self.rate_hz, self._memory))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self.rate_hz, self._memory = msgspec.msgpack.decode(state, type=tuple[float, _Memory])
