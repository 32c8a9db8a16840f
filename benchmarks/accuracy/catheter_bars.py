"""What is wanted of localisation, and whether an evaluation reaches it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from heartwire.benchmarks.accuracy.catheter_cine import FOLLOWED
from heartwire.benchmarks.accuracy.catheter_figures import POOLED, Errors
from heartwire.benchmarks.accuracy.catheter_peers import CSRT, RIDGE
from heartwire.benchmarks.accuracy.catheter_recorded import TRACKED
from heartwire.benchmarks.accuracy.catheter_result import OURS, OURS_SAME_FRAMES, CatheterResult


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
    yield _at_most("simulator: tips seen, beyond their stated bound", [t.beyond_bound], 0.07, "%", share=True)
    fixes = [*t.bounds_seen, *t.bounds_foretold]
    beyond = sum(error > bound for bound, error in fixes) / len(fixes) if fixes else None
    yield _at_most("simulator: all fixes, beyond their stated bound", [beyond], 0.07, "%", share=True)
    yield _at_most("biplane: tip in space, median", [result.biplane.median_mm], 1.0, "mm")
    yield _at_most("biplane: tip in space, 95 %", [result.biplane.p95_mm], 2.5, "mm")
    for size_px, mean_ms, p99_ms in ((512, 12.0, 25.0), (1024, 30.0, 45.0)):
        cost = [row for row in result.cost if row.size_px == size_px]
        yield _at_most(f"one core, {size_px} x {size_px}: mean", [row.mean_ms for row in cost], mean_ms, "ms")
        yield _at_most(f"one core, {size_px} x {size_px}: 99 %", [row.p99_ms for row in cost], p99_ms, "ms")
    rows = list(against_peers(result))
    behind = [row for row in rows if row[1] >= row[2]]
    yield Bar("rows behind a peer", "none", f"{len(behind)} of {len(rows)}" if rows else "-", bool(rows) and not behind)
    for name, ours, theirs in behind:
        yield Bar(f"behind: {name}", f"< {theirs:.3g}", f"{ours:.3g}", met=False)


def against_peers(result: CatheterResult) -> Iterator[tuple[str, float, float]]:
    """Give every accuracy figure that a peer has on the same frames: its name, ours, theirs; less is better in all."""
    ridge = {row.origin: row for row in result.recorded if row.method == RIDGE}
    for row in result.recorded:
        if row.method == OURS and (peer := ridge.get(row.origin)) is not None:
            yield f"{row.origin}, not found", 1.0 - (row.found or 0.0), 1.0 - (peer.found or 0.0)
            yield from _tips(f"{row.origin}, {RIDGE}", row.tip_px, peer.tip_px)
            yield f"{row.origin}, line", _or_far(row.to_reported_px.median), _or_far(peer.to_reported_px.median)
    alone = {row.method: row.tip_px for row in result.recorded if row.method in (TRACKED, CSRT)}
    if CSRT in alone:
        yield from _tips(f"recorded run, {CSRT}", alone[TRACKED], alone[CSRT])
    simulated = {row.method: row for row in result.simulated}
    if RIDGE in simulated:
        mine, theirs = simulated[OURS_SAME_FRAMES], simulated[RIDGE]
        yield from _tips(f"simulator, {RIDGE}", mine.all_tips_px, theirs.all_tips_px)
        yield "simulator, line", _or_far(mine.to_reported_px.median), _or_far(theirs.to_reported_px.median)
    runs = {row.method: row.tip_px for row in result.followed}
    if CSRT in runs:
        yield from _tips(f"simulated runs, {CSRT}", runs[OURS], runs[CSRT])


def _tips(name: str, ours: Errors, theirs: Errors) -> Iterator[tuple[str, float, float]]:
    yield f"{name}, tip median", _or_far(ours.median), _or_far(theirs.median)
    for limit, share in ours.within.items():
        if share < 1.0 or theirs.within[limit] < 1.0:
            yield f"{name}, tip not within {limit} px", 1.0 - share, 1.0 - theirs.within[limit]


def _or_far(value: float | None) -> float:
    return math.inf if value is None else value
