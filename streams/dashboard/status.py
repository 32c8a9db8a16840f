"""The status document: what `GET /api/status` gives and the page shows as text."""

from __future__ import annotations

from typing import Literal

import msgspec

from heartwire.engine.messages import AlarmChange, AlarmInactive, AlarmKind, LedgerReport, Priority
from heartwire.streams.dashboard.latency import LatencySummary

StreamState = Literal["waiting", "live", "silent", "ended"]


class Account(msgspec.Struct, kw_only=True):
    """The ledger of a stream, in samples or frames, and whether it adds up."""

    offered: int
    processed: int
    dropped: dict[str, int]
    missing: int
    in_flight: int
    final: bool
    balanced: bool

    @classmethod
    def of(cls, report: LedgerReport) -> Account:
        """Give the account that a report holds."""
        known = report.processed + sum(report.dropped.values()) + report.missing + report.in_flight
        return cls(
            offered=report.offered,
            processed=report.processed,
            dropped=report.dropped,
            missing=report.missing,
            in_flight=report.in_flight,
            final=report.final,
            balanced=known == report.offered,
        )


class AlarmStatus(msgspec.Struct, kw_only=True):
    """An alarm condition that is on or latched, or one change of it in the list of events.

    `since_s` is how long ago the condition began, of an event how long ago it arrived. The delay from the onset to the
    alarm is `algorithmic_delay_s` (what the decision needs) plus `system_delay_ms` (the engine's part, measured to the
    arrival here). `by` is who acknowledged it. `inactivation` says which of its signals are given now.
    """

    stream: str
    condition: str
    text: str
    kind: AlarmKind
    priority: Priority
    change: AlarmChange
    since_s: float
    algorithmic_delay_s: float
    system_delay_ms: float | None
    by: str = ""
    inactivation: AlarmInactive = "enabled"


class InactiveStatus(msgspec.Struct, kw_only=True):
    """Signals of alarms that are not given: of one condition, or (`condition` empty) of all that `kind` names.

    `ends_s` is when a pause ends, in seconds from now, null where it has no end.
    """

    stream: str
    condition: str
    kind: Literal["signal", "engine"]
    change: AlarmInactive
    by: str
    ends_s: float | None


class StreamStatus(msgspec.Struct, kw_only=True):
    """What is known about one stream; null where nothing is yet.

    `state`: waiting for a first item, live, silent (nothing for two seconds) or ended. `silent_s` counts from the last
    item, `messages_hz` and `rate_hz` are measured and declared rates, `gaps` counts the holes met since the
    start and `gap_s` is how long ago the last came, `quality` belongs to the lead shown, `st_mv` holds
    the ST level of each lead.
    """

    id: str
    kind: str
    state: StreamState = "waiting"
    silent_s: float | None = None
    rate_hz: float | None = None
    messages_hz: float = 0.0
    gaps: int = 0
    gap_s: float | None = None
    leads: tuple[str, ...] = ()
    lead: str = ""
    quality: float | None = None
    heart_rate_bpm: float | None = None
    rhythm: str = ""
    st_mv: dict[str, float] = {}
    age_budget_ms: float = 0.0
    ledger: Account | None = None
    latency: LatencySummary | None = None


class Status(msgspec.Struct, kw_only=True):
    """The whole run as the dashboard sees it; `alarms` most urgent first, `events` newest first.

    `refused` counts malformed messages on the bus, `turned_away` what came over the network, by cause. `wall_ms` is the
    time of the document, ms since 1970.
    """

    version: str
    wall_ms: float
    viewers: int
    refused: int
    turned_away: dict[str, int]
    streams: list[StreamStatus]
    alarms: list[AlarmStatus]
    inactive: list[InactiveStatus]
    events: list[AlarmStatus]
