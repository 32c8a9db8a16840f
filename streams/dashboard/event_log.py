"""The log of a run: every message that is no routine of a stream, in words."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from itertools import chain
from typing import Any

import msgspec

from heartwire.engine.messages import (
    AlarmEvent,
    Beat,
    CardiacPhase,
    CatheterFix,
    Classification,
    EcgChunk,
    HeartRate,
    LedgerReport,
    Message,
    Overlay,
    SignalQuality,
    StLevels,
    XrayFrame,
)

_ROUTINE = (
    EcgChunk,
    XrayFrame,
    Beat,
    HeartRate,
    SignalQuality,
    StLevels,
    CatheterFix,
    Classification,
    Overlay,
    CardiacPhase,
    LedgerReport,
)
_KEPT = 100
"""Of each kind, so that a swap stays in the log though many alarms follow."""
_LONGEST = 300
_WITHOUT_NEWS = {"stream", "seq", "trace", "type", "mdc", "emitted_ns", "changed_ns"}


class LogEntry(msgspec.Struct, kw_only=True):
    """One event: how long ago it arrived, of which stream, of what kind, and what it said."""

    ago_s: float
    stream: str
    kind: str
    words: str


class EventLog:
    """Keeps the last events; kinds of messages that it has never heard of are told field by field."""

    def __init__(self) -> None:
        self._kept: defaultdict[type, deque[tuple[int, Message]]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def take(self, message: Message, arrived_ns: int) -> None:
        """Take a message, unless it is routine."""
        if not isinstance(message, _ROUTINE):
            self._kept[type(message)].append((arrived_ns, message))

    def entries(self, now_ns: int) -> list[LogEntry]:
        """Give the events, the newest first."""
        kept = sorted(chain(*self._kept.values()), key=lambda event: event[0], reverse=True)
        return [
            LogEntry(
                ago_s=round((now_ns - arrived_ns) / 1e9, 1),
                stream=message.stream,
                kind=re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(message).__name__).lower(),
                words=_alarm(message, arrived_ns) if isinstance(message, AlarmEvent) else _fields(message)[:_LONGEST],
            )
            for arrived_ns, message in kept
        ]


def _alarm(event: AlarmEvent, arrived_ns: int) -> str:
    words = f"{event.condition} {event.change}, {event.kind}, {event.priority}"
    if event.algorithmic_delay_s > 0:
        words += f", decided {event.algorithmic_delay_s:.1f} s after its onset"
    if event.trace.intended_ns:
        words += f", here {(arrived_ns - event.trace.intended_ns) / 1e6:.1f} ms later"
    return words


def _fields(message: Message) -> str:
    fields: dict[str, Any] = msgspec.to_builtins(message)
    told = {
        name: value for name, value in fields.items() if name not in _WITHOUT_NEWS and value not in ("", None, {}, [])
    }
    return ", ".join(f"{name} {_short(value)}" for name, value in told.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
