"""From runs to a scenario's result: its headline with the spread of the repeats, and what it was measured with."""

from __future__ import annotations

import shlex
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.figures import END_TO_END, FROM_SENT, merged
from heartwire.benchmarks.harness import Harness, config_hash
from heartwire.benchmarks.load import Drive
from heartwire.benchmarks.result import Point, Result, Run, Spread
from heartwire.benchmarks.workload import Workload

_LEADING = (
    ("ECG", ("beat", "heart rate", "rhythm", "signal quality", "phase")),
    ("X-ray", ("catheter fix",)),
    ("Classification", ("classification",)),
)
"""Which kind of finding speaks for a signal: the first that a pipeline gives."""


def leading(run: Run) -> dict[str, str]:
    """Give the kind of finding that speaks for each signal of a run."""
    return {name: next(k for k in kinds if k in run.kinds) for name, kinds in _LEADING if run.kinds.keys() & set(kinds)}


def run_figures(run: Run) -> dict[str, float]:
    """Give the figures of one run that a reader asks for first; what it is too short for is left out."""
    figures: dict[str, float | None] = {}
    for signal, kind in leading(run).items():
        found = run.kinds[kind]
        whole = found.stages[END_TO_END]
        for name in ("p50", "p99", "p99.9"):
            figures[f"{signal} {name} ms"] = whole.percentiles_ms.get(name)
        figures[f"{signal} max ms"] = whole.max_ms
        if naive := found.stages.get(FROM_SENT):
            figures[f"{signal} naive p99 ms"] = naive.percentiles_ms.get("p99")
        figures[f"{signal} deadline misses %"] = 100.0 * found.deadline_misses / max(whole.n, 1)
        if found.jitter:
            figures[f"{signal} jitter p99-p1 ms"] = found.jitter.p99_minus_p1_ms
        if found.age:
            figures[f"{signal} age mean ms"] = found.age.mean_ms
    for kind, item in run.items.items():
        figures[f"{kind} item p50 ms"] = item.percentiles_ms.get("p50")
        figures[f"{kind} item p90 ms"] = item.percentiles_ms.get("p90")
        figures[f"{kind} item p99 ms"] = item.percentiles_ms.get("p99")
    figures["time to READY s"] = run.ready_s
    return {name: value for name, value in figures.items() if value is not None}


def spread(figures: Sequence[Mapping[str, float]]) -> dict[str, Spread]:
    """Give median and range of what all repeats have."""
    names = [name for name in figures[0] if all(name in each for each in figures)] if figures else []
    columns = {name: [each[name] for each in figures] for name in names}
    return {name: Spread(statistics.median(v), min(v), max(v), v) for name, v in columns.items()}


def repeated(
    harness: Harness, workload: Workload, drive: Drive | None = None, *, repeats: int = 1, label: str = ""
) -> list[Run]:
    """Run the same again and again."""
    runs = []
    for n in range(repeats):
        name = f"{label} {n + 1}".strip() if repeats > 1 else label
        runs.append(harness.run(workload, drive, name))
    return runs


def conclude(
    scenario: str,
    harness: Harness,
    runs: Sequence[Run],
    *,
    options: Mapping[str, Any],
    environment_before: Mapping[str, str] | None = None,
    pool: Sequence[Run] | None = None,
    headline: Mapping[str, Spread] | None = None,
    curve: Sequence[Point] = (),
    curve_label: str = "",
    checks: Mapping[str, bool] | None = None,
    remarks: Sequence[str] = (),
) -> Result:
    """Make the result.

    Parameters
    ----------
    scenario
        Its name.
    harness
        What it was measured with.
    runs
        Every run.
    options
        The scenario's own.
    environment_before
        As it was before the runs; as it is now if not given.
    pool
        The runs that repeat each other; all if not given.
    headline
        Further figures, before those of the runs.
    curve, curve_label
        Figures against a number, and what that is.
    checks
        What had to hold.
    remarks
        What a reader must know.
    """
    pool = list(runs) if pool is None else list(pool)
    told = dict(environment_before or environment())
    told["configuration"] = config_hash(options, [(run.workload, run.drive) for run in runs])
    return Result(
        scenario=scenario,
        pipeline=harness.name,
        options=dict(options),
        measured={
            "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "command": shlex.join(["heartwire", *sys.argv[1:]]),
            "load": "; ".join(dict.fromkeys(str(run.workload) for run in runs)),
        },
        environment=told,
        runs=list(runs),
        headline={**(headline or {}), **spread([run_figures(run) for run in pool])},
        pooled=merged([run.kinds for run in pool]),
        curve=list(curve),
        curve_label=curve_label,
        checks=dict(checks or {}),
        remarks=[*dict.fromkeys([*remarks, *(r for run in runs for r in run.remarks)])],
    )


def one(value: float) -> Spread:
    """Give a figure that was measured once."""
    return Spread(value, value, value, [value])
