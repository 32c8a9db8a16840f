"""Beds: the largest number of beds that meets the target, and what each costs on the way there."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.figures import END_TO_END, queue_share
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.result import Point, Result, Run
from heartwire.benchmarks.scenarios.soak import OURS
from heartwire.benchmarks.search import largest
from heartwire.benchmarks.summary import conclude, leading, one
from heartwire.benchmarks.workload import Workload
from heartwire.engine.errors import HeartwireError, InputError

_KNEE = 2.0
"""The knee is the last size before p99 passes this many times its lowest."""


def measure(
    harness: Harness,
    workload: Workload,
    *,
    target_ms: float = 50.0,
    start: int = 16,
    limit: int = 4096,
    tolerance: float = 0.05,
    sizes: Sequence[int] = (),
) -> Result:
    """Search by doubling, then halving; with `sizes`, measure just these.

    The target is met where p99 (the worst, where there are too few findings for p99) is at most `target_ms`, nothing is
    missing and nothing was dropped.

    Raises
    ------
    InputError
        If the pipeline cannot run at all.
    """
    before = environment()
    runs: list[Run] = []
    points: list[Point] = []

    def meets(beds: int) -> bool:
        try:
            run = harness.run(msgspec.structs.replace(workload, beds=beds), label=f"{beds} beds")
        except InputError:
            raise
        except HeartwireError as error:
            points.append(Point(x=beds, figures={}, met=False, why=str(error)))
            return False
        point = judge(run, beds, target_ms)
        points.append(point)
        if point.met or not run.invalid_because:
            runs.append(run)
        return point.met

    if sizes:
        found = max((size for size in sorted(sizes) if meets(size)), default=0)
    else:
        found = largest(meets, start=start, limit=limit, tolerance=tolerance)
    points.sort(key=lambda point: point.x)
    best = [run for run in runs if run.workload.beds == found]
    headline = {"beds that meet the target": one(found)}
    if (at := knee(points)) is not None:
        headline["beds at the knee of p99"] = one(at)
    if best:
        headline["CPU ms a bed-second at that size"] = one(cpu_ms(best[0]) / found)
    return conclude(
        "beds",
        harness,
        runs,
        options={"target_ms": target_ms, "start": start, "limit": limit, "tolerance": tolerance, "sizes": list(sizes)},
        environment_before=before,
        pool=best,
        headline=headline,
        curve=points,
        curve_label="beds",
        remarks=[f"the limit of {limit} beds was met: there may be room beyond"] * (found == limit and not sizes),
    )


def judge(run: Run, beds: int, target_ms: float) -> Point:
    """Give the figures of one size, and whether it met the target."""
    kinds = leading(run)
    figures: dict[str, float | None] = {"CPU ms a bed-second": cpu_ms(run) / beds}
    why = list(run.invalid_because)
    dropped = sum(sum(r.dropped.values()) for r in run.ledgers.values())
    why += [f"{dropped} dropped"] * bool(dropped)
    if "ECG" in kinds:
        found = run.kinds[kinds["ECG"]]
        whole = found.stages[END_TO_END]
        p99_ms = whole.percentiles_ms["p99"]
        figures |= {"p50 ms": whole.percentiles_ms["p50"], "p99 ms": p99_ms, "max ms": whole.max_ms}
        figures["queue share"] = queue_share(found)
        figures["n"] = float(whole.n)
        late_ms = whole.max_ms if p99_ms is None else p99_ms
        why += [f"{'max' if p99_ms is None else 'p99'} {late_ms:.1f} ms"] * (late_ms > target_ms)
    return Point(x=beds, figures=figures, met=not why, why="; ".join(why[:3]))


def cpu_ms(run: Run) -> float:
    """Give the CPU time of the pipeline's processes in a second, ms."""
    return sum(10.0 * use.cpu_percent for name, use in run.resources.items() if name not in OURS)


def knee(points: Sequence[Point]) -> float | None:
    """Give the last size before p99 (or the worst) passes `_KNEE` times its lowest; None where it never does."""
    late = [(point.x, point.figures.get("p99 ms") or point.figures.get("max ms")) for point in points]
    known = [(x, ms) for x, ms in late if ms is not None]
    bound = _KNEE * min((ms for _, ms in known), default=0.0)
    last = 0.0
    for x, ms in known:
        if ms > bound:
            # A slow start is no knee: only what comes after a size that was good counts.
            if last:
                return last
            continue
        last = x
    return None
