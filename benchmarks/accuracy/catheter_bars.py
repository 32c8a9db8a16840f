"""What is wanted of localisation, and whether an evaluation reaches it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from heartwire.benchmarks.accuracy.catheter_cine import FOLLOWED
from heartwire.benchmarks.accuracy.catheter_figures import POOLED
from heartwire.benchmarks.accuracy.catheter_result import OURS, CatheterResult


class Bar(NamedTuple):
    """One figure: its name, what is wanted, what was reached."""

    name: str
    wanted: str
    reached: str
    met: bool


def _at_most(name: str, values: Sequence[float | None], limit: float, unit: str, *, share: bool = False) -> Bar:
    """Hold the largest of the values against a limit; a value that is not known is not met."""
    known = [value for value in values if value is not None and value == value]
    scale = 100.0 if share else 1.0
    reached = f"{scale * max(known):.3g} {unit}" if len(known) == len(values) and known else "-"
    return Bar(name, f"<= {scale * limit:.3g} {unit}", reached, reached != "-" and max(known) <= limit)


def _at_least(name: str, values: Sequence[float | None], limit: float) -> Bar:
    """Hold the smallest of some shares against a limit."""
    known = [value for value in values if value is not None and value == value]
    reached = f"{100 * min(known):.3g} %" if len(known) == len(values) and known else "-"
    return Bar(name, f">= {100 * limit:.3g} %", reached, reached != "-" and min(known) >= limit)


def bars(result: CatheterResult) -> Iterator[Bar]:
    """Hold every figure against what is wanted; on recorded frames the worst origin counts."""
    origins = [row for row in result.recorded if row.method == OURS and row.origin != POOLED]
    pooled = [row for row in result.recorded if row.method == OURS and row.origin == POOLED]
    yield _at_least("recorded: device found, worst origin", [row.found for row in origins], 0.90)
    yield _at_least("recorded: device found, pooled", [row.found for row in pooled], 0.95)
    yield _at_most("recorded: tip median, worst origin", [row.tip_px.median for row in origins], 3.0, "px")
    yield _at_least("recorded: tip within 5 px, worst origin", [row.tip_px.within.get("5") for row in origins], 0.80)
    yield _at_least("recorded: tip within 10 px, worst origin", [row.tip_px.within.get("10") for row in origins], 0.90)
    cines = [row for row in result.cines if row.method == FOLLOWED and row.cine == POOLED]
    yield _at_most("cines: jumps over 25 px", [float(row.jumps) for row in cines], 0.0, "jumps")
    yield _at_most("cines: frames lost", [row.lost_share for row in cines], 0.05, "%", share=True)
    empty = [row for row in result.empty if row.kind != POOLED]
    yield _at_most("no device: frames with one told, worst kind", [row.told for row in empty], 0.03, "%", share=True)
    told = [row.told for row in result.empty if row.kind == POOLED]
    yield _at_most("no device: frames with one told, pooled", told, 0.03, "%", share=True)
    simulated = [row for row in result.simulated if row.method == OURS]
    for name, errors in (
        ("reported to true", [row.to_true_px for row in simulated]),
        ("true to reported", [row.to_reported_px for row in simulated]),
    ):
        yield _at_most(f"simulator: centreline median, {name}", [e.median for e in errors], 0.6, "px")
    yield _at_most("simulator: tip median", [row.tip_px.median for row in simulated], 1.0, "px")
    yield _at_most("simulator: tip 95 %, of those found", [row.tip_px.p95 for row in simulated], 3.0, "px")
    t = result.tracking
    yield _at_least("simulator: hidden, told within 2 frames", [t.hidden_in_time], 0.95)
    yield _at_least("simulator: re-acquired within 3 frames", [t.back_in_time], 0.95)
    yield _at_most("simulator: fixes beyond their stated bound", [t.beyond_bound], 0.07, "%", share=True)
    yield _at_most("biplane: tip in space, median", [result.biplane.median_mm], 1.0, "mm")
    yield _at_most("biplane: tip in space, 95 %", [result.biplane.p95_mm], 2.5, "mm")
    for size_px, mean_ms, p99_ms in ((512, 12.0, 25.0), (1024, 30.0, 45.0)):
        cost = [row for row in result.cost if row.size_px == size_px]
        yield _at_most(f"one core, {size_px} x {size_px}: mean", [row.mean_ms for row in cost], mean_ms, "ms")
        yield _at_most(f"one core, {size_px} x {size_px}: 99 %", [row.p99_ms for row in cost], p99_ms, "ms")
