"""An independent subscriber that measures latency: what the engine says of itself is seen from outside.

Run as `python -m heartwire.engine.observer RUN_DIR NAME`. It records the trace of each beat, warning and catheter fix,
with the time it saw it, and writes the histograms into the run folder when it is told to stop.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import zmq
from rich.table import Table

from heartwire.engine import reports
from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.messages import AlarmEvent, Beat, CatheterFix
from heartwire.engine.plan import Plan, read_plan
from heartwire.engine.process import serve
from heartwire.engine.trace import END_TO_END, PERCENTILES, Latencies

NAME = "observer"
MODULE = "heartwire.engine.observer"
_FILE = "latency.json"
_WAIT_MS = 100
_KINDS = {Beat: "beat", AlarmEvent: "warning", CatheterFix: "catheter fix"}


class Measured(msgspec.Struct):
    """What an observer saw: for each kind of finding the encoded histograms, and the worst latency in each second."""

    latencies: dict[str, dict[str, str]] = {}
    worst_ms: dict[str, dict[int, float]] = {}
    missing: int = 0

    def of(self, kind: str) -> Latencies:
        """Give the histograms of one kind of finding."""
        latencies = Latencies()
        latencies.merge(self.latencies.get(kind, {}))
        return latencies


class Observer:
    """Subscribes to every worker, unregistered: nobody waits for it."""

    def __init__(self, plan: Plan, name: str, line: reports.Line, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._name = name
        self._line = line
        self._file = Path(plan.run_dir) / _FILE
        self._subscribers = [
            Subscriber(plan.data_endpoint(worker), streams=streams, context=context)
            for worker, streams in plan.workers.items()
        ]
        self._inbox = Inbox(self._subscribers)
        self._latencies = {kind: Latencies() for kind in _KINDS.values()}
        self._worst_ms: dict[str, dict[int, float]] = {kind: {} for kind in _KINDS.values()}

    def run(self) -> None:
        """Observe until told to stop."""
        self._line.report(reports.Ready(self._name, []))
        start_ns = time.monotonic_ns()
        while (order := self._line.order()) != "stop":
            if order == "go":
                start_ns = time.monotonic_ns()
            messages = self._inbox.receive(_WAIT_MS)
            observed_ns = time.monotonic_ns()
            for message in messages:
                kind = _KINDS.get(type(message))
                if isinstance(message, Beat) and message.stage != "confirmed":
                    continue  # each beat is measured once
                if kind and message.trace.intended_ns:
                    self._latencies[kind].record(message.trace, observed_ns)
                    second = (message.trace.intended_ns - start_ns) // 1_000_000_000
                    late_ms = (observed_ns - message.trace.intended_ns) / 1e6
                    self._worst_ms[kind][second] = max(self._worst_ms[kind].get(second, 0.0), late_ms)
        missing = sum(s.statistics().missing for s in self._subscribers)
        encoded = {kind: latencies.encode() for kind, latencies in self._latencies.items()}
        self._file.write_bytes(msgspec.json.encode(Measured(encoded, self._worst_ms, missing)))

    def close(self) -> None:
        """Close the sockets."""
        for subscriber in self._subscribers:
            subscriber.close()


def read(run_dir: Path) -> Measured:
    """Read what the observer of a run measured; nothing where it saw nothing."""
    path = run_dir / _FILE
    return msgspec.json.decode(path.read_bytes(), type=Measured) if path.exists() else Measured()


def tables(measured: Measured) -> Iterator[Table]:
    """Show the latency of each kind of finding, stage by stage and end to end."""
    for kind in measured.latencies:
        latencies = measured.of(kind)
        if not latencies.stages():
            continue
        shown = Table("stage", "n", *(f"p{p:g}" for p in PERCENTILES), "max", caption="-: not enough samples")
        shown.title = f"{kind}: latency in ms from the intended time, seen by an independent subscriber"
        for stage in latencies.stages():
            summary = latencies.summary(stage)
            values = ["-" if p.value_ms is None else f"{p.value_ms:.2f}" for p in summary.percentiles]
            style = "bold" if stage == END_TO_END else None
            shown.add_row(stage, str(summary.n), *values, f"{summary.max_ms:.2f}", style=style)
        yield shown


def main() -> None:
    """Run as a process of a run."""
    run_dir, name = sys.argv[1:3]
    serve(read_plan(run_dir), name, Observer)


if __name__ == "__main__":
    main()
