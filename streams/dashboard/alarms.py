"""The alarm conditions that are on or latched, most urgent first, and the last changes."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.messages import AlarmEvent
from heartwire.streams.dashboard.status import AlarmStatus

_URGENCY = {"high": 0, "medium": 1, "low": 2}
_KEPT_EVENTS = 100


class _Change(NamedTuple):
    """A change of a condition: when it arrived, and since when the condition has been in the list."""

    event: AlarmEvent
    arrived_ns: int
    since_ns: int


class AlarmList:
    """Follows alarm events."""

    def __init__(self) -> None:
        self._active: dict[tuple[str, str], _Change] = {}
        self._events: deque[_Change] = deque(maxlen=_KEPT_EVENTS)

    def take(self, event: AlarmEvent, arrived_ns: int) -> None:
        """Take one change of a condition."""
        change = _Change(event, arrived_ns, arrived_ns)
        self._events.append(change)
        key = (event.stream, event.condition)
        if event.change == "off":
            self._active.pop(key, None)
            return
        if key in self._active:
            change = change._replace(since_ns=self._active[key].since_ns)
        self._active[key] = change

    def active(self, now_ns: int) -> list[AlarmStatus]:
        """Give the conditions that are on or latched: by priority, those that still hold and the newest first."""
        order = sorted(self._active.values(), key=_urgency)
        return [_status(change, now_ns) for change in order]

    def events(self, now_ns: int) -> list[AlarmStatus]:
        """Give the last changes, the newest first."""
        return [_status(change, now_ns) for change in reversed(self._events)]


def _urgency(change: _Change) -> tuple[int, bool, int]:
    return _URGENCY[change.event.priority], change.event.change == "latched", -change.since_ns


def _status(change: _Change, now_ns: int) -> AlarmStatus:
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
    )
