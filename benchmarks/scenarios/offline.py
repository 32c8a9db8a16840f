"""Offline: as fast as it goes; the next message is sent as soon as the window of unacknowledged ones has room."""

from __future__ import annotations

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.load import Drive
from heartwire.benchmarks.result import Result, Run
from heartwire.benchmarks.summary import conclude, repeated, spread
from heartwire.benchmarks.workload import Workload


def measure(harness: Harness, workload: Workload, *, repeats: int = 1) -> Result:
    """Give stream-seconds a second: the ceiling of the whole path, ZeroMQ included."""
    before = environment()
    runs = repeated(harness, workload, Drive(pace="free"), repeats=repeats)
    return conclude(
        "offline",
        harness,
        runs,
        options={"repeats": repeats},
        environment_before=before,
        pool=[],
        headline=spread([throughput(run) for run in runs]),
        remarks=["latency is no figure here: what waits in the window is late by design"],
    )


def throughput(run: Run) -> dict[str, float]:
    """Give how much was processed in a second."""
    load = run.workload
    figures = {}
    if load.beds:
        figures["ECG stream-seconds a second"] = load.beds * load.seconds / run.lasted_s
    if load.labs:
        figures["frames a second"] = sum(r.processed for s, r in run.ledgers.items() if "xray" in s) / run.lasted_s
    return figures
