"""The alarm conditions that are on or latched, most urgent first, the last changes, and which signals are not given."""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from heartwire.engine.alarms import recall
from heartwire.engine.alarms.conditions import CONDITIONS, RANK
from heartwire.engine.alarms.states import PAUSED, SILENT
from heartwire.engine.alarms.technical import OF_ENGINE
from heartwire.engine.errors import JournalError
from heartwire.engine.messages import AlarmEvent, AlarmInactivation, AlarmInactive
from heartwire.streams.dashboard.status import AlarmStatus, InactiveStatus

_URGENCY = {"high": 0, "medium": 1, "low": 2}
_KEPT_EVENTS = 100


class _Change(NamedTuple):
    """A change of a condition: when it arrived, and since when the condition has been in the list."""

    event: AlarmEvent
    arrived_ns: int
    since_ns: int


class _Inactive(NamedTuple):
    """Signals that are not given, since when."""

    change: AlarmInactivation
    since_ns: int


class AlarmList:
    """Follows alarm events and inactivations."""

    def __init__(self) -> None:
        self._active: dict[tuple[str, str], _Change] = {}
        self._events: deque[_Change] = deque(maxlen=_KEPT_EVENTS)
        self._inactive: dict[tuple[str, str, str], _Inactive] = {}

    def recall(self, journal: Path, now_ns: int) -> None:
        """Take what stood before this process began."""
        with suppress(JournalError):
            events, inactive = recall.current(journal)
            now_utc_ns = time.time_ns()
            for event, written_ns in events:
                self.take(event, now_ns - max(0, now_utc_ns - written_ns))
            for change, written_ns in inactive:
                self.inactivate(change, now_ns - max(0, now_utc_ns - written_ns))

    def take(self, event: AlarmEvent, arrived_ns: int) -> None:
        """Take one change of a condition."""
        change = _Change(event, arrived_ns, arrived_ns)
        self._events.append(change)
        key = (event.stream, event.condition)
        if event.change == "off":
            self._active.pop(key, None)
            return
        before = self._active.get(key)
        # What is on again after it was latched begins anew.
        if before is not None and (before.event.change, event.change) != ("latched", "on"):
            change = change._replace(since_ns=before.since_ns)
        self._active[key] = change

    def inactivate(self, change: AlarmInactivation, arrived_ns: int) -> None:
        """Take a change of which signals are given; a reminder changes nothing."""
        key = (change.stream, change.kind, change.condition)
        if change.change == "enabled":
            self._inactive.pop(key, None)
        elif not change.reminder or key not in self._inactive:
            self._inactive[key] = _Inactive(change, arrived_ns)

    def active(self, now_ns: int) -> list[AlarmStatus]:
        """Give the conditions that are on or latched: by priority, those that still hold and the newest first."""
        order = sorted(self._active.values(), key=_urgency)
        return [self._status(change, now_ns) for change in order]

    def events(self, now_ns: int) -> list[AlarmStatus]:
        """Give the last changes, the newest first."""
        return [self._status(change, now_ns) for change in reversed(self._events)]

    def inactive(self, now_ns: int) -> list[InactiveStatus]:
        """Give which signals are not given."""
        return [
            InactiveStatus(
                stream=change.stream,
                condition=change.condition,
                kind=change.kind,
                change=change.change,
                by=change.by,
                ends_s=_ends_s(change, since_ns, now_ns),
            )
            for change, since_ns in self._inactive.values()
        ]

    def _inactivation(self, event: AlarmEvent) -> AlarmInactive:
        """Give the inactivation that holds for a condition: its own or that of all, whichever silences more."""
        kind = "engine" if event.condition in OF_ENGINE else "signal"
        found = [self._inactive.get((event.stream, kind, code)) for code in (event.condition, "")]
        states = [inactive.change.change for inactive in found if inactive]
        return next((state for state in states if state in SILENT), states[0] if states else "enabled")

    def _status(self, change: _Change, now_ns: int) -> AlarmStatus:
        event = change.event
        condition = CONDITIONS.get(event.condition)
        intended_ns = event.trace.intended_ns
        return AlarmStatus(
            stream=event.stream,
            condition=event.condition,
            text=condition.text if condition else "",
            kind=event.kind,
            priority=event.priority,
            change=event.change,
            since_s=round((now_ns - change.since_ns) / 1e9, 1),
            algorithmic_delay_s=round(event.algorithmic_delay_s, 3),
            system_delay_ms=round((change.arrived_ns - intended_ns) / 1e6, 2) if intended_ns else None,
            by=str(event.reason.get("by", "")),
            inactivation=self._inactivation(event),
        )


def _ends_s(change: AlarmInactivation, since_ns: int, now_ns: int) -> float | None:
    if change.change not in PAUSED or not change.lasts_s:
        return None
    return round(max(0.0, change.lasts_s - (now_ns - since_ns) / 1e9), 1)


def _urgency(change: _Change) -> tuple[int, bool, int, int]:
    event = change.event
    return _URGENCY[event.priority], event.change == "latched", -change.since_ns, RANK.get(event.condition, 0)
