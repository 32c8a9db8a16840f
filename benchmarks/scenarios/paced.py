"""Paced, the headline: open loop at the devices' own pace, with idle gaps, from the intended time of each message."""

from __future__ import annotations

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.result import Result
from heartwire.benchmarks.summary import conclude, repeated
from heartwire.benchmarks.workload import Workload


def measure(harness: Harness, workload: Workload, *, repeats: int = 1, scenario: str = "latency") -> Result:
    """Run the workload in real time."""
    before = environment()
    runs = repeated(harness, workload, repeats=repeats)
    return conclude(scenario, harness, runs, options={"repeats": repeats}, environment_before=before)
