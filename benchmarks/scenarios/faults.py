"""Faults: what goes wrong in hospitals, done on purpose, and whether the account of samples and frames still holds."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec
import zmq

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.harness import Expect, Harness, Hook
from heartwire.benchmarks.load import Drive, Fault
from heartwire.benchmarks.pipelines.pipeline import Pipeline
from heartwire.benchmarks.result import Result, Run, Spread
from heartwire.benchmarks.summary import conclude, one, run_figures
from heartwire.benchmarks.workload import Workload


class _Check(NamedTuple):
    what: str
    holds: Callable[[Run], bool]


_NOTHING_MISSING = _Check("nothing missing", lambda run: not _missing(run))
_CHECKS: Mapping[str, _Check] = {
    "none": _NOTHING_MISSING,
    "lost-by-device": _Check("missing is exactly what the device lost", lambda run: 0 < _missing(run) == run.kept_back),
    "lost-on-the-way": _Check("all had again, nothing missing", lambda run: not _missing(run)),
    "reordered": _NOTHING_MISSING,
    "disconnect": _Check("all had again after the outage", lambda run: not _missing(run)),
    "clock-step": _Check(
        "the alarm CLOCK, nothing missing", lambda run: run.alarms.get("CLOCK", 0) > 0 == _missing(run)
    ),
    "slow-consumer": _NOTHING_MISSING,
    "worker-killed": _Check(
        "restarted once, nothing missing", lambda run: sum(run.restarts.values()) == 1 and not _missing(run)
    ),
}
FAULTS = tuple(_CHECKS)


def _missing(run: Run) -> int:
    return sum(ledger.missing for ledger in run.ledgers.values())


def measure(harness: Harness, workload: Workload, *, faults: tuple[str, ...] = FAULTS) -> Result:
    """Run the workload once with each fault."""
    before = environment()
    runs: list[Run] = []
    checks: dict[str, bool] = {}
    headline: dict[str, Spread] = {}
    for fault in faults:
        run = _run(harness, workload, fault)
        runs.append(run)
        check = _CHECKS[fault]
        checks[f"{fault}: {check.what}"] = check.holds(run)
        headline |= {f"{fault}: {n}": one(v) for n, v in run_figures(run).items() if n.endswith((" p50 ms", " max ms"))}
    return conclude(
        "faults",
        harness,
        runs,
        options={"faults": list(faults)},
        environment_before=before,
        pool=[],
        headline=headline,
        checks=checks,
    )


def _run(harness: Harness, workload: Workload, fault: str) -> Run:
    match fault:
        case "slow-consumer":
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            try:
                return harness.run(workload, label=fault, hook=_never_reading(context))
            finally:
                context.destroy(linger=0)
        case "worker-killed":
            # Frames are skipped for fresher ones while a worker is away: samples never are.
            beds = msgspec.structs.replace(workload, labs=0)
            return harness.run(beds, label=fault, expect=Expect(restarts=True), hook=_kill(workload.seconds / 2))
        case "clock-step":
            # Of an ECG the sample counter is the clock.
            lab = msgspec.structs.replace(workload, beds=0, labs=max(1, workload.labs))
            return harness.run(lab, Drive(fault="clock-step"), fault)
        case _:
            drive = Drive(fault=msgspec.convert(fault, Fault))
            return harness.run(workload, drive, fault, expect=Expect(missing=fault == "lost-by-device"))


def _never_reading(context: zmq.Context[zmq.Socket[bytes]]) -> Hook:
    """Subscribe to everything with a small queue, and never read."""
    sockets: list[zmq.Socket[bytes]] = []

    def hook(pipeline: Pipeline, _: float) -> None:
        if not sockets:
            for endpoint in pipeline.findings():
                socket = context.socket(zmq.SUB)
                socket.linger, socket.rcvhwm = 0, 1
                socket.subscribe(b"")
                socket.connect(endpoint)
                sockets.append(socket)

    return hook


def _kill(after_s: float) -> Hook:
    """Kill the process that does the work, once."""
    killed: list[int] = []

    def hook(pipeline: Pipeline, since_s: float) -> None:
        if not killed and since_s > after_s:
            processes = pipeline.processes()
            name = next((name for name in processes if name.startswith("work-")), "")
            if name:
                killed.append(processes[name])
                os.kill(processes[name], signal.SIGKILL)

    return hook
