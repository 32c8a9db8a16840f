"""What speaks for and against an alarm: the last beats, hops and pulses of a stream, summed up in numbers.

A verdict rests on them (`heartwire.engine.alarms.verification`): the alarm's own quantities (longest time without a
beat, slowest 5 and fastest 17 beats, ventricular beats in a row, VT/VF probabilities), how good the signal was, and
the same quantities from the pulse.
"""

from __future__ import annotations

from collections import deque

import msgspec
import numpy as np

from heartwire.engine.ecg.evidence_numbers import (
    FEWEST_PULSES,
    PULSE_AFTER_S,
    PULSE_NAMES,
    WINDOW_S,
    HopEvidence,
    longest_gap,
    of_beats,
    of_pulses,
    of_signal,
)
from heartwire.engine.ecg.reading import Hop
from heartwire.engine.ecg.step import Step
from heartwire.engine.messages import Beat, FloatArray

_KEPT_S = 100.0
_NOT_VENTRICULAR = 0.49
"""A beat of another class is this likely ventricular at most."""
_NAN = float("nan")


class _Past(msgspec.Struct):
    beats: list[tuple[float, float]]
    hops: list[HopEvidence]
    pulses: dict[int, list[tuple[float, float]]]
    """Time and height by channel."""


class Evidence:
    """The last beats, hops and pulses of one stream."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.beats: deque[tuple[float, float]] = deque()
        """Time, and how likely the beat is ventricular."""
        self._hops: deque[HopEvidence] = deque()
        self._pulses: dict[int, deque[tuple[float, float]]] = {}

    def step(self, step: Step) -> None:
        """Take what the analyser's next step says; samples that are missing end what was known."""
        if step.missing is not None:
            self.reset()
        for told in step.findings:
            if isinstance(told, Beat):
                self._beat(told, step.rate_hz)
        for channel, pulse in step.pulses:
            self._pulses.setdefault(channel, deque()).append((pulse.sample / step.rate_hz, pulse.height))
        if step.hop is not None:
            self._hop(step.hop, step.sample / step.rate_hz)

    @property
    def any_pulse(self) -> bool:
        """Whether there has been any pulse."""
        return bool(self._pulses)

    @property
    def enough_pulses(self) -> bool:
        """Whether a pulse channel shows enough pulses to tell anything."""
        return any(len(pulses) >= FEWEST_PULSES for pulses in self._pulses.values())

    def _beat(self, beat: Beat, rate_hz: float) -> None:
        """Take a confirmed beat, or a class revised."""
        at_s = beat.sample / rate_hz
        ventricular = beat.confidence if beat.label == "V" else min(0.5 * (1.0 - beat.confidence), _NOT_VENTRICULAR)
        if beat.stage == "confirmed":
            self.beats.append((at_s, ventricular))
        elif beat.stage == "revised" and self.beats and self.beats[-1][0] == at_s:
            self.beats[-1] = (at_s, ventricular)

    def _hop(self, hop: Hop, at_s: float) -> None:
        """Take what a hop says; forget what is too old, or of another signal."""
        if self._hops and at_s <= self._hops[-1].at_s:
            self.reset()
        window = hop.window
        self._hops.append(
            HopEvidence(
                at_s,
                [hop.quality[lead] for lead in hop.analysed],
                [] if hop.told is None else [hop.told[lead] for lead in hop.analysed],
                [] if window is None else [list(window.p_vt), list(window.p_vf), list(window.p_noise)],
            )
        )
        _forget(self._hops, at_s - WINDOW_S)
        _forget(self.beats, at_s - _KEPT_S)
        for pulses in self._pulses.values():
            _forget(pulses, at_s - _KEPT_S)

    def features(self, now_s: float) -> FloatArray:
        """Give the numbers as they are now, (n_names,)."""
        begin_s = now_s - WINDOW_S
        times = np.array([at_s for at_s, _ in self.beats])
        channels = []
        big = []
        for pulses in self._pulses.values():
            if len(pulses) >= FEWEST_PULSES:
                at, height = (np.array(column) for column in zip(*pulses, strict=True))
                numbers, high = of_pulses(at, height, times, now_s)
                channels.append(numbers)
                big.append(high - PULSE_AFTER_S)
        channels.sort(key=lambda c: c[4] + 0.5 * c[6])
        absent = [_NAN] * len(PULSE_NAMES)
        first, other = (*channels[:2], absent, absent)[:2]
        silence_s = longest_gap(np.sort(np.concatenate((times, *big))), begin_s, now_s - PULSE_AFTER_S)
        ventricular = np.array([v for _, v in self.beats])
        numbers = [
            *of_beats(times, ventricular, now_s),
            *of_signal([hop for hop in self._hops if hop.at_s >= begin_s]),
            *first,
            *other,
            silence_s,
        ]
        return np.array(numbers, np.float32)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(
            _Past(list(self.beats), list(self._hops), {channel: list(p) for channel, p in self._pulses.items()})
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        past = msgspec.msgpack.decode(state, type=_Past)
        self.beats, self._hops = deque(past.beats), deque(past.hops)
        self._pulses = {channel: deque(p) for channel, p in past.pulses.items()}


def _forget(kept: deque[HopEvidence] | deque[tuple[float, float]], before_s: float) -> None:
    while kept and kept[0][0] < before_s:
        kept.popleft()
