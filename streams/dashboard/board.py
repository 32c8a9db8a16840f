"""Everything the dashboard knows about the run, fed message by message."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import (
    AlarmCommand,
    AlarmEvent,
    AlarmInactivation,
    Beat,
    CardiacPhase,
    CatheterFix,
    EcgChunk,
    EndOfStream,
    Gap,
    HeartRate,
    LedgerReport,
    Message,
    Overlay,
    Rhythm,
    SignalQuality,
    StLevels,
    XrayFrame,
)
from heartwire.engine.plan import Plan
from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.alarms import AlarmList
from heartwire.streams.dashboard.backlog import Backlog
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.bed_limits import BedLimits
from heartwire.streams.dashboard.engine_view import EngineView
from heartwire.streams.dashboard.lab import LabView
from heartwire.streams.dashboard.refusals import Refusals
from heartwire.streams.dashboard.status import Status
from heartwire.version import __version__

if TYPE_CHECKING:
    from heartwire.streams.dashboard.viewer import Viewer

_STATUS_NS = 500_000_000


class Board:
    """The streams of a run, their alarms, and what is ready to be sent to viewers.

    Parameters
    ----------
    streams
        The streams of the run, in the order in which they are shown.
    plan
        The run, None where there is none.
    """

    def __init__(self, streams: list[StreamConfig], plan: Plan | None = None) -> None:
        self.engine = EngineView(plan)
        self.streams: dict[str, BedView | LabView] = {
            config.id: (LabView if config.processor_kind == "xray" else BedView)(number, config)
            for number, config in enumerate(streams)
        }
        self.views = list(self.streams.values())
        self.limits = BedLimits(config for config in streams if config.processor_kind != "xray")
        self.refusals = Refusals()
        self.labs = [view for view in self.streams.values() if isinstance(view, LabView)]
        self.alarms = AlarmList()
        self.backlog = Backlog()
        self.viewers: set[Viewer] = set()
        self.refused = 0
        """Messages from the bus that were malformed."""
        self.status_number = 0
        """Counts the status documents, so that a viewer knows which it has."""
        self._began_ns = time.monotonic_ns()
        self._status_ns = 0
        self._status_record = b""
        self._fresh: list[bytes] = []

    def take(self, message: Message, arrived_ns: int) -> None:
        """Take a message of the run; those of streams that are not in the plan are ignored."""
        self.engine.take(message, arrived_ns)
        view = self.streams.get(message.stream)
        told_again = 0 < message.trace.published_ns < self._began_ns
        if told_again:
            # Told before this process began: it was not late on its way.
            arrived_ns = message.trace.published_ns
        match message:
            case AlarmEvent():
                self.alarms.take(message, arrived_ns)
                self._status_ns = 0
            case AlarmInactivation():
                self.alarms.inactivate(message, arrived_ns)
                self._status_ns = 0
            case AlarmCommand(action="limits"):
                self.limits.change(message.stream, message.limits)
        if view is None:
            return
        match message:
            case EcgChunk() if isinstance(view, BedView):
                self._fresh.append(view.take(message, arrived_ns))
            case XrayFrame() if isinstance(view, LabView):
                view.take(message, arrived_ns)
            case CatheterFix() | Overlay() if isinstance(view, LabView):
                view.found(message)
            case HeartRate() | Rhythm() | SignalQuality() | StLevels() if isinstance(view, BedView):
                view.found(message)
                if isinstance(message, HeartRate):
                    for lab in self.labs:
                        lab.beating(view.phase(message), arrived_ns)
            case Beat() if message.stage != "provisional" and isinstance(view, BedView):
                # The strip is drawn later than a beat is confirmed; a revised one replaces the mark in its place.
                self._fresh.append(view.beat(message))
            case CardiacPhase():
                for lab in self.labs:
                    lab.beating(message, arrived_ns)
            case Gap():
                view.gap(message, arrived_ns)
            case LedgerReport():
                view.ledger = message
            case EndOfStream():
                view.ended = True
        if not told_again and not isinstance(message, EcgChunk | XrayFrame | Gap | EndOfStream):
            view.latency.add(message.trace.intended_ns, arrived_ns)

    def advance(self, now_ns: int) -> None:
        """Make ready what has come: strips and beats of all beds in one piece that viewers share, the next status."""
        if self._fresh:
            self.backlog.add(now_ns, b"".join(self._fresh))
            self._fresh.clear()
        for lab in self.labs:
            lab.advance(now_ns)
        if self.viewers and now_ns - self._status_ns >= _STATUS_NS:
            self._status_ns = now_ns
            self._status_record = records.status(self.status(now_ns))
            self.status_number += 1

    def recall(self, journal: Path, epoch: int) -> None:
        """Take what the journal knows from before this process began: alarms that stand, limits that were changed."""
        self.alarms.recall(journal, time.monotonic_ns())
        self.limits.recall(journal, epoch)

    @property
    def watched(self) -> bool:
        """Whether a viewer watches a bed or a lab, not the grid alone."""
        return any(viewer.watches for viewer in self.viewers)

    def join(self, viewer: Viewer) -> None:
        """Take a viewer in; it gets a fresh status document."""
        self.viewers.add(viewer)
        self._status_ns = 0

    def leave(self, viewer: Viewer) -> None:
        """Let a viewer go."""
        self.viewers.discard(viewer)

    def status_record(self) -> bytes:
        """Give the record of the last status document."""
        return self._status_record

    def status(self, now_ns: int | None = None) -> bytes:
        """Give the status document as JSON."""
        now_ns = time.monotonic_ns() if now_ns is None else now_ns
        return msgspec.json.encode(
            Status(
                version=__version__,
                wall_ms=round(time.time() * 1000, 1),
                viewers=len(self.viewers),
                refused=self.refused,
                turned_away=dict(self.refusals.counts),
                streams=[view.status(now_ns) for view in self.streams.values()],
                alarms=self.alarms.active(now_ns),
                inactive=self.alarms.inactive(now_ns),
                events=self.alarms.events(now_ns),
            )
        )
