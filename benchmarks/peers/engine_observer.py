"""The observer of heartwire's own run: an unregistered subscriber in a process of its own.

Run as `python -m heartwire.benchmarks.peers.engine_observer RUN_DIR NAME`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import msgspec
import zmq

from heartwire.benchmarks.peers import roles
from heartwire.benchmarks.peers.work import Load, numbers
from heartwire.engine import reports
from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.messages import Overlay, SignalQuality
from heartwire.engine.plan import Plan, read_plan
from heartwire.engine.process import serve

NAME = "observer"
MODULE = "heartwire.benchmarks.peers.engine_observer"
_WAIT_MS = 100


class PeerObserver:
    """Notes each finding with the time it came."""

    def __init__(self, plan: Plan, name: str, line: reports.Line, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._name = name
        self._line = line
        self._folder = Path(plan.run_dir)
        self._load = msgspec.json.decode((self._folder / roles.LOAD_FILE).read_bytes(), type=Load)
        self._numbers = numbers([stream.id for stream in plan.config.stream])
        self._subscribers = [
            Subscriber(plan.data_endpoint(worker), streams=streams, context=context)
            for worker, streams in plan.workers.items()
        ]
        self._inbox = Inbox(self._subscribers)

    def run(self) -> None:
        """Observe until told to stop."""
        self._line.report(reports.Ready(self._name, []))
        rows: list[tuple[int, int, int, int]] = []
        while self._line.order() != "stop":
            for message in self._inbox.receive(_WAIT_MS):
                now_ns = time.monotonic_ns()
                match message:
                    case SignalQuality():
                        n = message.decision_sample // self._load.samples
                    case Overlay():
                        n = message.frame
                    case _:
                        continue
                rows.append((self._numbers[message.stream], n, message.trace.intended_ns, now_ns))
        roles.save(self._folder, rows)

    def close(self) -> None:
        """Close the sockets."""
        for subscriber in self._subscribers:
            subscriber.close()


def main() -> None:
    """Run as a process of a run."""
    run_dir, name = sys.argv[1:3]
    serve(read_plan(run_dir), name, PeerObserver)


if __name__ == "__main__":
    main()
