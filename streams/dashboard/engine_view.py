"""What the engineer's view shows beside the status document: stages, models, candidates, events."""

from __future__ import annotations

from contextlib import suppress

import msgspec

from heartwire.engine.messages import AlarmEvent, Beat, CatheterFix, Message
from heartwire.engine.plan import DASHBOARD, Plan
from heartwire.engine.shadow_report import ShadowReport, kept
from heartwire.streams.dashboard.event_log import EventLog, LogEntry
from heartwire.streams.dashboard.stages import EDGES_MS, StageLatency, Stages

_MEASURED = {Beat: "beat", AlarmEvent: "alarm", CatheterFix: "catheter fix"}


class EngineDocument(msgspec.Struct, kw_only=True):
    """What `GET /api/engine` gives.

    `notes` are the lines of each process when it was ready, among them which model runs where and why. `stages` are the
    latencies of the last minute of each kind of finding, `edges_ms` the edges of their buckets. `shadows` are the last
    reports of candidates beside models at work. `events` are the newest first.
    """

    notes: dict[str, list[str]]
    edges_ms: list[float]
    stages: dict[str, list[StageLatency]]
    shadows: list[ShadowReport]
    events: list[LogEntry]


class EngineView:
    """Follows a run for the engineer.

    Parameters
    ----------
    plan
        The run, whose folder holds the notes of the processes and the reports of candidates; None where there is none.
    """

    def __init__(self, plan: Plan | None = None) -> None:
        self._plan = plan
        self._stages = {name: Stages() for name in _MEASURED.values()}
        self._log = EventLog()

    def take(self, message: Message, arrived_ns: int) -> None:
        """Take a message of the run."""
        self._log.take(message, arrived_ns)
        kind = _MEASURED.get(type(message))
        if kind is None or not message.trace.intended_ns:
            return
        if isinstance(message, Beat) and message.stage != "confirmed":
            return  # each beat is measured once
        self._stages[kind].add(message.trace, arrived_ns)

    def document(self, now_ns: int) -> bytes:
        """Give the document as JSON."""
        notes: dict[str, list[str]] = {}
        shadows: list[ShadowReport] = []
        if self._plan is not None:
            shadows = list(kept(self._plan))
            with suppress(OSError):
                notes = msgspec.json.decode(self._plan.notes_path().read_bytes(), type=dict[str, list[str]])
        notes.pop(DASHBOARD, None)  # its address holds the token, which is not for a screen
        stages = {kind: found for kind, taken in self._stages.items() if (found := taken.summary(now_ns))}
        return msgspec.json.encode(
            EngineDocument(
                notes=notes, edges_ms=EDGES_MS, stages=stages, shadows=shadows, events=self._log.entries(now_ns)
            )
        )
