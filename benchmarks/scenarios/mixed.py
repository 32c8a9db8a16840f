"""Mixed: beds and labs on one machine, each signal beside what it costs alone."""

from __future__ import annotations

import msgspec

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.result import Result, Spread
from heartwire.benchmarks.summary import conclude, one, repeated, run_figures, spread
from heartwire.benchmarks.workload import Workload


def measure(harness: Harness, workload: Workload, *, repeats: int = 1, alone: bool = True) -> Result:
    """Run both signals together and, if `alone`, each by itself before: how many times slower they are together."""
    before = environment()
    apart = []
    if alone and workload.beds and workload.labs:
        apart = [
            harness.run(msgspec.structs.replace(workload, labs=0), label="ECG alone"),
            harness.run(msgspec.structs.replace(workload, beds=0), label="X-ray alone"),
        ]
    together = repeated(harness, workload, repeats=repeats, label="together")
    headline: dict[str, Spread] = {}
    joint = spread([run_figures(run) for run in together])
    for run in apart:
        for name, value in run_figures(run).items():
            if name.endswith((" p50 ms", " p99 ms")) and "naive" not in name and name in joint and value:
                headline[f"{name.removesuffix(' ms')} together / alone"] = one(joint[name].median / value)
    return conclude(
        "mixed",
        harness,
        [*apart, *together],
        options={"repeats": repeats, "alone": alone},
        environment_before=before,
        pool=together,
        headline=headline,
    )
