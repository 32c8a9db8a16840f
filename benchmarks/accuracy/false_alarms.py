"""Which alarms are true by the annotations of a record: its beats, and its rhythms where they are annotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.accuracy.vf import spans
from heartwire.engine.alarms.limits import AlarmLimits
from heartwire.engine.messages import AlarmEvent, Priority, Reason

VENTRICULAR = ("VT", "VFL", "VF", "VFIB")
"""Rhythm annotations that are ventricular tachycardia, flutter or fibrillation."""

RHYTHMS = {
    "AF": frozenset({"AFIB", "AFL"}),
    "SVT": frozenset({"SVTA", "AFL"}),
    "IDIOVENTRICULAR": frozenset({"IVR"}),
    "AV_BLOCK": frozenset({"BII"}),
    "BIGEMINY": frozenset({"B"}),
    "TRIGEMINY": frozenset({"T"}),
}
"""Conditions that are true where one of these rhythms is annotated."""

_BEFORE_S = 10.0
_AFTER_S = 1.0
_TOLERANCE = 0.1
_VT_BPM = 100.0
_VT_BEATS = 5
_MEDIAN_BEATS = 5
_UNANNOTATED_S = 2.5

Span = tuple[float, float]


@dataclass(frozen=True)
class Reference:
    """What is annotated of one record, times in s: beats with their AAMI class, ventricular rhythms, all rhythms.

    `rhythms` are the (begin, label) of each change. Where not every beat is annotated (not `complete`), a long time
    without one says nothing.
    """

    name: str
    seconds: float
    beats_s: npt.NDArray[np.float64]
    labels: str
    ventricular: list[Span]
    complete: bool = True
    rhythms: Sequence[tuple[float, str]] = ()

    def intervals_s(self, first: int, last: int) -> npt.NDArray[np.float64]:
        """Give the intervals between beats `first` to `last` - 1 that are intervals of the heart."""
        rr = np.diff(self.beats_s[first:last])
        return rr if self.complete else rr[rr < _UNANNOTATED_S]


class ToldAlarm(msgspec.Struct, kw_only=True, frozen=True):
    """One alarm and whether it is true; None where no annotation tells."""

    record: str
    condition: str
    priority: Priority
    onset_s: float
    decision_s: float
    end_s: float
    true: bool | None
    reason: Reason


def told_alarms(events: Sequence[AlarmEvent], rate_hz: float, reference: Reference) -> list[ToldAlarm]:
    """Pair begins and ends of alarms, and judge each.

    What is decided before the first annotated beat does not count: records begin with calibration pulses.
    """
    told: list[ToldAlarm] = []
    on: dict[str, AlarmEvent] = {}
    for event in events:
        if event.change == "on":
            on[event.condition] = event
        elif event.change in ("off", "latched") and event.condition in on:
            told.append(_told(on.pop(event.condition), event.decision_sample / rate_hz, rate_hz, reference))
    told.extend(_told(event, reference.seconds, rate_hz, reference) for event in on.values())
    first_s = float(reference.beats_s[0])
    return sorted((a for a in told if a.decision_s >= first_s), key=lambda alarm: alarm.decision_s)


def _told(event: AlarmEvent, end_s: float, rate_hz: float, reference: Reference) -> ToldAlarm:
    onset_s, decision_s = event.onset_sample / rate_hz, event.decision_sample / rate_hz
    return ToldAlarm(
        record=reference.name,
        condition=event.condition,
        priority=event.priority,
        onset_s=round(onset_s, 3),
        decision_s=round(decision_s, 3),
        end_s=round(end_s, 3),
        true=holds(event.condition, min(onset_s, decision_s - _BEFORE_S), decision_s + _AFTER_S, reference),
        reason=event.reason,
    )


def holds(condition: str, begin_s: float, end_s: float, reference: Reference) -> bool | None:
    """Tell whether a condition holds somewhere between two times, by the annotations and the default limits.

    Rates and times may miss their limit by a tenth. Give None for a condition that annotations cannot tell.
    """
    limits = AlarmLimits()
    first, last = np.searchsorted(reference.beats_s, (begin_s, end_s))
    first = max(0, int(first) - 1)
    beats = reference.beats_s[first : int(last) + 1]
    labels = reference.labels[first : int(last) + 1]
    rr = reference.intervals_s(first, int(last) + 1)
    in_rhythm = any(begin < end_s and end > begin_s for begin, end in reference.ventricular)
    match condition:
        case "VT" | "VF":
            return in_rhythm or longest_run(beats, labels, _VT_BPM) >= _VT_BEATS
        case "V_RUN":
            return in_rhythm or longest_run(beats, labels, 0.0) >= limits.run_beats
        case "ASYSTOLE":
            return bool(len(rr)) and float(rr.max()) >= 4.0 * (1.0 - _TOLERANCE)
        case "PAUSE":
            return bool(len(rr)) and float(rr.max()) >= limits.pause_s * (1.0 - _TOLERANCE)
        case "EXTREME_BRADY":
            return _median_rate(rr, limits.extreme_brady_beats - 1, slow=True) < limits.extreme_brady_bpm * 1.1
        case "BRADY":
            return _median_rate(rr, _MEDIAN_BEATS - 1, slow=True) < limits.brady_bpm * 1.1
        case "EXTREME_TACHY":
            return _median_rate(rr, limits.extreme_tachy_beats - 1) > limits.extreme_tachy_bpm * 0.9
        case "TACHY":
            return _median_rate(rr, _MEDIAN_BEATS - 1) > limits.tachy_bpm * 0.9
        case "COUPLET":
            return longest_run(beats, labels, 0.0) >= 2
        case "PVC_RATE":
            return labels.count("V") > limits.pvc_per_minute * (1.0 - _TOLERANCE)
        case "NOT_CAPTURING":
            # Failure to capture is annotated nowhere, but who is not paced has none.
            return None if any(label == "P" for _, label in reference.rhythms) else False
        case _ if condition in RHYTHMS:
            told = spans(reference.rhythms, reference.seconds, RHYTHMS[condition])
            return any(span.begin_s < end_s and span.end_s > begin_s for span in told)
        case _:
            return None


def longest_run(beats_s: npt.NDArray[np.float64], labels: str, least_bpm: float) -> int:
    """Give the most ventricular beats in a row, none of whose intervals is slower than a rate."""
    longest = run = 0
    for i, label in enumerate(labels):
        fast = i > 0 and (beats_s[i] - beats_s[i - 1]) * least_bpm <= 60.0
        run = 0 if label != "V" else run + 1 if run and fast else 1
        longest = max(longest, run)
    return longest


def _median_rate(rr: npt.NDArray[np.float64], intervals: int, *, slow: bool = False) -> float:
    if len(rr) < intervals:
        return float("inf") if slow else 0.0
    medians = np.median(np.lib.stride_tricks.sliding_window_view(rr, intervals), axis=1)
    return float(60.0 / (medians.max() if slow else medians.min()))


class EpisodeCounts(msgspec.Struct, kw_only=True):
    """Episodes and their time, as ANSI/AAMI EC57 counts them: one is found when any of it is alarmed."""

    annotated: int = 0
    found: int = 0
    told: int = 0
    right: int = 0
    annotated_s: float = 0.0
    told_s: float = 0.0
    both_s: float = 0.0

    def add(self, reference: Sequence[Span], told: Sequence[Span]) -> None:
        """Count the episodes of one record."""
        reference, told = merged(reference), merged(told)
        self.annotated += len(reference)
        self.found += sum(any(_overlap_s(span, other) > 0 for other in told) for span in reference)
        self.told += len(told)
        self.right += sum(any(_overlap_s(span, other) > 0 for other in reference) for span in told)
        self.annotated_s += sum(end - begin for begin, end in reference)
        self.told_s += sum(end - begin for begin, end in told)
        self.both_s += sum(_overlap_s(a, b) for a in reference for b in told)


def merged(spans: Sequence[Span]) -> list[Span]:
    """Give spans in order, those that touch as one."""
    out: list[Span] = []
    for begin, end in sorted(spans):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return out


def _overlap_s(one: Span, other: Span) -> float:
    return max(0.0, min(one[1], other[1]) - max(one[0], other[0]))


def ventricular_spans(reference: Reference, n_beats: int = _VT_BEATS, least_bpm: float = _VT_BPM) -> list[Span]:
    """Give the episodes of so many ventricular beats in a row, no interval slower than a rate.

    Annotated ventricular rhythms count where they hold so many ventricular beats, or no beats: flutter, fibrillation.
    """
    spans = []
    for begin_s, end_s in reference.ventricular:
        first, last = np.searchsorted(reference.beats_s, (begin_s, end_s))
        labels = reference.labels[int(first) : int(last)]
        if labels.count("V") >= n_beats or not labels:
            spans.append((begin_s, end_s))
    begin = 0
    for i, label in enumerate(reference.labels):
        slow = i > 0 and (reference.beats_s[i] - reference.beats_s[i - 1]) * least_bpm > 60.0
        if label != "V":
            begin = i + 1
        elif slow:
            begin = i
        elif i - begin + 1 >= n_beats:
            spans.append((float(reference.beats_s[begin]), float(reference.beats_s[i])))
    return merged(spans)
