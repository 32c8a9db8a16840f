"""A subscriber of its own that keeps when each beat was due and when it was seen.

Run as `python -m heartwire.benchmarks.swap_observer RUN_DIR NAME`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import zmq

from heartwire.engine import reports
from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.messages import AlarmEvent, Beat
from heartwire.engine.plan import Plan, read_plan
from heartwire.engine.process import serve

NAME = "swap-observer"
MODULE = "heartwire.benchmarks.swap_observer"
_FILE = "seen.npy"
_WAIT_MS = 100


class SwapObserver:
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

    def run(self) -> None:
        """Observe until told to stop."""
        self._line.report(reports.Ready(self._name, []))
        seen: list[tuple[int, int]] = []
        while self._line.order() != "stop":
            messages = self._inbox.receive(_WAIT_MS)
            now_ns = time.monotonic_ns()
            found = [message for message in messages if isinstance(message, Beat | AlarmEvent)]
            seen += [(message.trace.intended_ns, now_ns) for message in found if message.trace.intended_ns]
        missing = sum(s.statistics().missing for s in self._subscribers)
        np.save(self._file, np.array([(missing, 0), *seen], np.int64))

    def close(self) -> None:
        """Close the sockets."""
        for subscriber in self._subscribers:
            subscriber.close()


def read(run_dir: Path) -> tuple[int, np.ndarray[tuple[int, int], np.dtype[np.int64]]]:
    """Give how many findings were missing, and (n, 2) ns: when each was due, when it was seen."""
    rows = np.load(run_dir / _FILE)
    return int(rows[0, 0]), rows[1:]


def main() -> None:
    """Run as a process of a run."""
    run_dir, name = sys.argv[1:3]
    serve(read_plan(run_dir), name, SwapObserver)


if __name__ == "__main__":
    main()
