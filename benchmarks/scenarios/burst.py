"""Burst: the feed stalls, then everything that fell due comes at once; how late it is, and how soon caught up with."""

from __future__ import annotations

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.figures import FROM_SENT
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.load import Drive
from heartwire.benchmarks.result import Result
from heartwire.benchmarks.summary import conclude, leading, repeated, run_figures, spread
from heartwire.benchmarks.workload import Workload


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
            # All that waited is sent at once: the last of it is observed when the pipeline has caught up.
            figures[f"{signal} catching up ms"] = run.kinds[kind].stages[FROM_SENT].max_ms
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
