"""The independent subscriber of a benchmark: notes when it saw each finding, and of which sample or frame it is.

Run as `python -m heartwire.benchmarks.observer FOLDER`. It needs nothing of a pipeline but the wire format. Nobody
waits for it. What it notes is counted afterwards, when nothing is measured any more.
"""

from __future__ import annotations

import gc
import select
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import zmq

from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.collecting import IdleCollector
from heartwire.engine.messages import (
    AlarmEvent,
    Beat,
    CardiacPhase,
    CatheterFix,
    Classification,
    HeartRate,
    LedgerReport,
    Message,
    Rhythm,
    SignalQuality,
    Trace,
)

ORDER_FILE, NOTES_FILE = "observer.json", "observer.notes"
MODULE = "heartwire.benchmarks.observer"
KINDS = ("beat", "catheter fix", "warning", "heart rate", "rhythm", "signal quality", "phase", "classification")
"""Findings that are measured, the most telling first."""
_NUMBERED = {HeartRate: 3, Rhythm: 4, SignalQuality: 5, CardiacPhase: 6, Classification: 7}
_WAIT_MS = 50
_QUIET_MS = 300
"""So long nothing must come before it stops."""
_JOIN_S = 60.0
_JOINED_MS = 200
"""How long a subscription may take to reach a publisher that answers."""


class ObserverOrder(msgspec.Struct):
    """Where the process listens."""

    endpoints: list[str]


class Notes(msgspec.Struct, kw_only=True):
    """What it saw.

    `seen` holds int64 rows of a finding each: kind, stream, sample or frame, when it was seen, and its eight stamps.
    """

    streams: list[str]
    seen: bytes
    alarms: dict[str, int]
    """How often each condition was told to begin."""
    ledgers: dict[str, LedgerReport]
    missing: int
    duplicates: int
    refused: int
    repeated: int = 0
    """Beats and fixes that were told again under another sequence number."""


ROW = 12
"""Numbers of a row of `Notes.seen`."""


class Observer:
    """Notes what comes from the endpoints.

    Parameters
    ----------
    endpoints
        Where findings are published.
    context
        ZeroMQ context.
    """

    def __init__(self, endpoints: list[str], context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._subscribers = [Subscriber(endpoint, context=context) for endpoint in endpoints]
        self._inbox = Inbox(self._subscribers)
        self._probes = [_probe(endpoint, context) for endpoint in endpoints]
        self._streams: dict[str, int] = {}
        self._rows: list[tuple[int, ...]] = []
        self._told: set[tuple[int, str, int]] = set()
        """Beats and fixes: each is measured once, when it was first seen."""
        self._repeated = 0
        self._alarms: dict[str, int] = {}
        self._ledgers: dict[str, LedgerReport] = {}

    def connected(self) -> bool:
        """Tell whether every endpoint was there by now."""
        for probe in [p for p in self._probes if p.get_monitor_socket().poll(0)]:
            _close(probe)
            self._probes.remove(probe)
        return not self._probes

    def take(self, timeout_ms: float) -> bool:
        """Note what comes in this time; False if nothing did."""
        messages = self._inbox.receive(timeout_ms)
        seen_ns = time.monotonic_ns()
        for message in messages:
            self._note(message, seen_ns)
        return bool(messages)

    def _note(self, message: Message, seen_ns: int) -> None:
        match message:
            case Beat(stage="confirmed"):
                if self._first(0, message.stream, message.sample):
                    self._add(0, message.stream, message.decision_sample, seen_ns, message.trace)
            case CatheterFix():
                if self._first(1, message.stream, message.frame):
                    self._add(1, message.stream, message.frame, seen_ns, message.trace)
            case AlarmEvent():
                if message.change == "on":
                    self._alarms[message.condition] = self._alarms.get(message.condition, 0) + 1
                # Technical alarms come by the clock, not with an item.
                if message.kind == "physiological":
                    self._add(2, message.stream, message.decision_sample, seen_ns, message.trace)
            case HeartRate() | Rhythm() | SignalQuality() | CardiacPhase() | Classification():
                kind = _NUMBERED[type(message)]
                self._add(kind, message.stream, message.decision_sample, seen_ns, message.trace)
            case LedgerReport():
                self._ledgers[message.stream] = message

    def _first(self, kind: int, stream: str, number: int) -> bool:
        """Tell whether this is the first time that it is told."""
        n_before = len(self._told)
        self._told.add((kind, stream, number))
        self._repeated += (again := len(self._told) == n_before)
        return not again

    def _add(self, kind: int, stream: str, number: int, seen_ns: int, trace: Trace) -> None:
        self._rows.append(
            (kind, self._streams.setdefault(stream, len(self._streams)), number, seen_ns, *_stamps(trace))
        )

    def notes(self) -> Notes:
        """Give what was seen so far."""
        counts = [subscriber.statistics() for subscriber in self._subscribers]
        return Notes(
            streams=list(self._streams),
            seen=np.array(self._rows, np.int64).tobytes(),
            alarms=self._alarms,
            ledgers=self._ledgers,
            missing=sum(c.missing for c in counts),
            duplicates=sum(c.duplicates for c in counts),
            refused=sum(c.refused for c in counts),
            repeated=self._repeated,
        )

    def close(self) -> None:
        """Close the sockets."""
        for probe in self._probes:
            _close(probe)
        for subscriber in self._subscribers:
            subscriber.close()


def _probe(endpoint: str, context: zmq.Context[zmq.Socket[bytes]]) -> zmq.Socket[bytes]:
    """Connect a socket that tells when somebody answers there; a subscriber made before it is then joined as well."""
    probe = context.socket(zmq.SUB)
    probe.linger, probe.reconnect_ivl = 0, 50
    probe.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    probe.connect(endpoint)
    return probe


def _close(probe: zmq.Socket[bytes]) -> None:
    monitor = probe.get_monitor_socket()
    probe.disable_monitor()
    monitor.close()
    probe.close()


def _stamps(trace: Trace) -> tuple[int, ...]:
    return (
        trace.intended_ns,
        trace.sent_ns,
        trace.received_ns,
        trace.dequeued_ns,
        trace.conditioned_ns,
        trace.inferred_ns,
        trace.decided_ns,
        trace.published_ns,
    )


def main() -> None:
    """Run as a process of a benchmark."""
    folder = Path(sys.argv[1])
    order = msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=ObserverOrder)
    with zmq.Context() as context:
        observer = Observer(order.endpoints, context)
        try:
            deadline_s = time.monotonic() + _JOIN_S
            while not observer.connected():
                observer.take(_WAIT_MS)
                if time.monotonic() > deadline_s or select.select([sys.stdin], [], [], 0)[0]:
                    msg = f"nobody publishes findings at {', '.join(order.endpoints)}"
                    raise SystemExit(msg)
            observer.take(_JOINED_MS)
            print("ready", flush=True)  # noqa: T201 - the harness listens
            gc.freeze()
            collector = IdleCollector()
            while not select.select([sys.stdin], [], [], 0)[0]:
                if observer.take(_WAIT_MS):
                    collector.busy()
                else:
                    collector.idle(long=False)
            while observer.take(_QUIET_MS):
                pass
            (folder / NOTES_FILE).write_bytes(msgspec.msgpack.encode(observer.notes()))
            print("done", flush=True)  # noqa: T201
        finally:
            observer.close()


if __name__ == "__main__":
    main()
