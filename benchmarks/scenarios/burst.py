"""Burst: the feed stalls, then everything that fell due comes at once; how late it is, and how soon it is over."""

from __future__ import annotations

import statistics

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.load import Drive
from heartwire.benchmarks.result import KindFigures, Result, Run
from heartwire.benchmarks.summary import conclude, leading, repeated, run_figures, spread
from heartwire.benchmarks.workload import Workload

_CALM = 2.0
"""Caught up: the worst of a second is at most this many times the median of the worsts of the calm ones."""


def measure(
    harness: Harness, workload: Workload, *, repeats: int = 1, stall_s: float = 0.5, every_s: float = 5.0
) -> Result:
    """Stall for `stall_s` every `every_s`; latency counts from the intended times, through the stall."""
    before = environment()
    drive = Drive(stall_s=stall_s, stall_every_s=every_s)
    runs = repeated(harness, workload, drive, repeats=repeats)
    own = []
    for run in runs:
        figures = {}
        for signal, kind in leading(run).items():
            over_s, backlog_ms = catching_up(run.kinds[kind], run)
            figures[f"{signal} worst after the stall ms"] = backlog_ms
            figures[f"{signal} seconds with a backlog a stall"] = over_s
        figures["frames dropped"] = float(sum(sum(r.dropped.values()) for r in run.ledgers.values()))
        own.append({**figures, **run_figures(run)})
    return conclude(
        "burst",
        harness,
        runs,
        options={"repeats": repeats, "stall_s": stall_s, "every_s": every_s},
        environment_before=before,
        headline=spread(own),
        remarks=[f"latency includes the stall itself, up to {1e3 * stall_s:g} ms"],
    )


def catching_up(figures: KindFigures, run: Run) -> tuple[float, float]:
    """Give how many seconds a stall disturbs in the mean, and how late the worst finding is beyond the stall, ms."""
    stall_s, every_s = run.drive.stall_s, run.drive.stall_every_s
    worst = [(second, high) for second, _, high in figures.series]
    calm = [high for second, high in worst if second % every_s >= every_s / 2]
    if not calm:
        return 0.0, 0.0
    bound_ms = _CALM * statistics.median(calm)
    stalls = max(1, int(run.workload.seconds // every_s) - (run.workload.seconds % every_s == 0))
    disturbed = sum(high > bound_ms for second, high in worst if second >= every_s)
    return disturbed / stalls, max(0.0, max(high for _, high in worst) - 1e3 * stall_s)
