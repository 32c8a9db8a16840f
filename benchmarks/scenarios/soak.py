"""Soak: the paced workload for long; whether memory grows after warm-up, and whether latency drifts."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from scipy.stats import theilslopes

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.resources import Use
from heartwire.benchmarks.result import KindFigures, Result
from heartwire.benchmarks.summary import conclude, leading, one
from heartwire.benchmarks.workload import Workload

OURS = ("load", "observer")
"""Processes of the benchmark."""
JUDGED_FROM_S = 300.0
"""Until rings (60 s) are full memory grows by design: shorter runs are told, not judged."""
_WARM_UP = 1 / 3


def measure(harness: Harness, workload: Workload, *, most_growth: float = 1.0) -> Result:
    """Run; memory may grow by at most `most_growth` % after the first third."""
    before = environment()
    run = harness.run(workload)
    series = total_rss(run.resources)
    growth, slope_mb_h = memory_growth(series)
    headline = {"RSS growth after warm-up %": one(growth), "RSS slope MB/h": one(slope_mb_h)}
    for signal, kind in leading(run).items():
        headline[f"{signal} p50, last third / middle third"] = one(drift(run.kinds[kind], workload.seconds))
    long = workload.seconds >= JUDGED_FROM_S
    return conclude(
        "soak",
        harness,
        [run],
        options={"most_growth": most_growth},
        environment_before=before,
        headline=headline,
        checks={f"RSS grows by at most {most_growth:g} % after warm-up": growth <= most_growth} if long else {},
        remarks=[] if long else [f"shorter than {JUDGED_FROM_S:g} s: rings still fill, growth is told but not judged"],
    )


def total_rss(resources: Mapping[str, Use]) -> list[tuple[float, float]]:
    """Give the memory of the pipeline's processes together, by time; only processes that were there all along."""
    all_series = [use.rss_series_mb for name, use in resources.items() if name not in OURS and use.rss_series_mb]
    if not all_series:
        return []
    return [(rows[0][0], sum(mb for _, mb in rows)) for rows in zip(*all_series, strict=False)]


def memory_growth(series: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Give growth in % from just after warm-up (the first third) to the end, and the slope in MB an hour.

    Medians of a fifth of the time each; the slope is that of Theil and Sen. Both 0 where there is too little.
    """
    warm = list(series[int(len(series) * _WARM_UP) :])
    if len(warm) < 5:
        return 0.0, 0.0
    part = max(1, len(warm) // 5)
    begin = statistics.median(mb for _, mb in warm[:part])
    end = statistics.median(mb for _, mb in warm[-part:])
    slope = theilslopes([mb for _, mb in warm], [s / 3600 for s, _ in warm])[0]
    return 100.0 * (end - begin) / begin, float(slope)


def drift(figures: KindFigures, seconds: float) -> float:
    """Give the median latency of the last third over that of the middle third; 1 where there is too little."""
    middle = [p50 for second, p50, _ in figures.series if seconds / 3 <= second < seconds * 2 / 3]
    last = [p50 for second, p50, _ in figures.series if second >= seconds * 2 / 3]
    return statistics.median(last) / statistics.median(middle) if middle and last else 1.0
