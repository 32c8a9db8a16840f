"""What every process of a run does alike: its line to the supervisor, a clean end, and one clear line when it fails."""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import zmq

from heartwire.engine import reports
from heartwire.engine.errors import HeartwireError, InputError
from heartwire.engine.pauses import GcPauses
from heartwire.engine.plan import Plan


class Part(Protocol):
    """A process's work."""

    def run(self) -> None:
        """Do it until it is done or told to stop."""

    def close(self) -> None:
        """Close what is open."""


def wake_in_time() -> None:
    """Let this process and its threads wake from timed waits when it is time: by default Linux adds up to 50 us."""
    with suppress(OSError):
        Path("/proc/self/timerslack_ns").write_text("1")


def serve(
    plan: Plan, name: str, make: Callable[[Plan, str, reports.Line, zmq.Context[zmq.Socket[bytes]]], Part]
) -> None:
    """Run one part of the plan in this process.

    Interrupts from the keyboard go to the supervisor alone, which then gives the order to stop.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wake_in_time()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    line = reports.Line(context, plan.report_endpoint())
    part: Part | None = None
    pauses: GcPauses | None = None
    try:
        part = make(plan, name, line, context)
        # What start-up left behind lives until the end: keep the collector from walking it.
        gc.collect()
        gc.freeze()
        pauses = GcPauses()
        part.run()
    except HeartwireError as error:
        wrong_input = isinstance(error, InputError)
        line.report(reports.Fault(name, "", str(error), input_error=wrong_input))
        raise SystemExit(2 if wrong_input else 1) from None
    finally:
        if pauses is not None:
            with suppress(OSError):
                pauses.stop(Path(plan.run_dir) / f"{name}.gc.json")
        if part is not None:
            part.close()
        line.close()
        context.term()
