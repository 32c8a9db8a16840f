"""The evaluation of catheter localisation as tables."""

from __future__ import annotations

from collections.abc import Sequence

from heartwire.benchmarks.accuracy.catheter_bars import bars
from heartwire.benchmarks.accuracy.catheter_figures import WITHIN_MM, WITHIN_PX, Errors
from heartwire.benchmarks.accuracy.catheter_result import CatheterResult
from heartwire.benchmarks.accuracy.grid import Grid, percent

_WITHIN_PX = [f"{limit:g}" for limit in WITHIN_PX]
_WITHIN_MM = [f"{limit:g}" for limit in WITHIN_MM]


def number(value: float | None, digits: int = 1) -> str:
    """Write a number; a dash where there is none or too many were missed."""
    return "-" if value is None or value != value or value == float("inf") else f"{value:.{digits}f}"


def _spread(errors: Errors, digits: int = 1) -> list[str]:
    return [number(errors.median, digits), number(errors.p95, digits)]


def _within(errors: Errors, limits: Sequence[str]) -> str:
    return " / ".join(percent(errors.within.get(limit), 0) for limit in limits)


def tables(result: CatheterResult) -> list[Grid]:
    """Give all tables, the bars last."""
    grids = [
        *_recorded(result), _cines(result), _empty(result), *_simulated(result), _followed(result), _tracking(result),
        _biplane(result),
    ]  # fmt: skip
    if result.looks_held_out:
        rows = [[name, f"{value:.4g}"] for name, value in result.looks_held_out.items()]
        grids.append(Grid("Looks left out of training, from the model's card", ["figure", "value"], rows))
    return [*grids, _cost(result), _bars(result)]


def _recorded(result: CatheterResult) -> list[Grid]:
    heads = ["method", "origin", "frames", "found %", "tip median", "95 %", "max", "within 2 / 5 / 10 px %"]
    tips = [
        [
            f.method, f.origin, str(f.frames), percent(f.found, 0), *_spread(f.tip_px), number(f.tip_px.largest),
            _within(f.tip_px, _WITHIN_PX),
        ]
        for f in result.recorded
    ]  # fmt: skip
    line_heads = [
        "method", "origin", "all devices %", "annotated to reported", "95 %", "reported to annotated", "95 %",
        "false a frame",
    ]  # fmt: skip
    lines = [
        [
            f.method, f.origin, percent(f.devices_found, 0), *_spread(f.to_reported_px), *_spread(f.to_true_px),
            number(f.false, 2),
        ]
        for f in result.recorded
        if f.devices_found is not None
    ]  # fmt: skip
    notes = [
        "Found: the device whose tip is annotated. -: missed in more frames than that.",
        "The marks' own repeat error is 1.9 px: nothing below 2 px is a claim. No mm: these files give no spacing.",
        *([f"Left out: {', '.join(result.absent)}"] if result.absent else []),
    ]
    return [
        Grid("Recorded frames (xray/dev), tips, px; each frame alone unless tracked or CSRT", heads, tips, 2, notes),
        Grid("Recorded frames, centrelines, px; every annotated device", line_heads, lines, 2),
    ]


def _cines(result: CatheterResult) -> Grid:
    heads = ["method", "cine", "frames", "jumps over 25 px", "largest step px", "lost", "lost %"]
    rows = [
        [
            f.method,
            f.cine,
            str(f.frames),
            str(f.jumps),
            number(f.largest_step_px),
            str(f.lost),
            percent(f.lost_share, 0),
        ]
        for f in result.cines
    ]
    return Grid("Cines (xray/cine), frame to frame until contrast comes, whole pipeline", heads, rows, 2)


def _empty(result: CatheterResult) -> Grid:
    heads = ["frames without device", "runs", "frames", "told %", "shown %", "detector alone %", "ridge filter %"]
    rows = [
        [
            f.kind, str(f.runs), str(f.frames), percent(f.told, 1), percent(f.shown, 1), percent(f.detected, 1),
            percent(f.ridge, 1),
        ]
        for f in result.empty
    ]  # fmt: skip
    notes = [
        "Share of the frames in which any device is reported; the ridge filter sees one frame of each of eight runs."
    ]
    return Grid("False devices", heads, rows, 1, notes)


def _simulated(result: CatheterResult) -> list[Grid]:
    heads = [
        "method", "frames", "tips", "found %", "median px", "95 %", "all: median", "95 %", "median mm", "95 %",
        "1 / 2 / 3 mm %", "false a frame",
    ]  # fmt: skip
    tips = [
        [
            f.method, str(f.frames), str(f.tips), percent(f.tips_found, 1), *_spread(f.tip_px, 2),
            *_spread(f.all_tips_px, 2), *_spread(f.tip_mm, 2), _within(f.tip_mm, _WITHIN_MM), number(f.false_tips, 2),
        ]
        for f in result.simulated
    ]  # fmt: skip
    lines = [
        [
            f.method, percent(f.devices_found, 1), *_spread(f.to_true_px, 2), *_spread(f.to_reported_px, 2),
            *_spread(f.to_true_mm, 2), number(f.false, 2),
        ]
        for f in result.simulated
    ]  # fmt: skip
    line_heads = [
        "method", "found %", "reported to true px", "95 %", "true to reported px", "95 %", "reported to true mm",
        "95 %", "false a frame",
    ]  # fmt: skip
    note = "Errors of the tips found (within 10 px); all: of every visible tip, the missed ones infinitely far."
    return [
        Grid("Simulator, tips: held-out seeds and settings, each frame alone", heads, tips, 1, [note]),
        Grid("Simulator, centrelines of the same frames", line_heads, lines),
    ]


def _followed(result: CatheterResult) -> Grid:
    heads = ["method", "tips", "frames", "median px", "95 %", "within 2 / 5 / 10 px %", "told while hidden %"]
    rows = [
        [
            f.method, str(f.tips), str(f.tip_px.n), *_spread(f.tip_px, 2), _within(f.tip_px, _WITHIN_PX),
            percent(f.told_hidden, 0),
        ]
        for f in result.followed
    ]  # fmt: skip
    note = "CSRT is given the true tip of the first frame; heartwire finds it and must keep its id."
    return Grid("Tips followed through simulated runs, first three seconds of each", heads, rows, 1, [note])


def _tracking(result: CatheterResult) -> Grid:
    t = result.tracking
    bound = result.detection_bound
    rows = [
        ["hidden by contrast, told so within 2 frames", percent(_known(t.hidden_in_time), 1), f"{t.hidden} times"],
        ["back, told within 3 frames", percent(_known(t.back_in_time), 1), f"{t.back} times"],
        ["back with the same id", percent(_known(t.back_same_id), 1), ""],
        ["id switches", str(t.id_switches), f"{number(t.switches_a_minute, 2)} a minute and device"],
        ["jitter at rest, px", number(t.jitter_px, 2), ""],
        ["visible tips told", percent(_known(t.seen_tips), 1), f"{t.frames} frames"],
        ["tip error median / 95 %, px", f"{number(t.tip_median_px, 2)} / {number(t.tip_95_px, 2)}", ""],
        ["beyond the stated 95 % bound, seen", percent(_known(t.beyond_bound), 1), f"{len(t.bounds_seen)} fixes"],
        ["the same, foretold", percent(_known(t.beyond_bound_foretold), 1), f"{len(t.bounds_foretold)} fixes"],
        ["the same, detector alone", percent(bound.beyond, 1), f"{bound.tips} tips within 10 px"],
        ["false devices a frame", number(t.false_devices_a_frame, 2), ""],
    ]
    return Grid("Tracking, held-out simulated runs, whole pipeline", ["figure", "% where not said", "of"], rows)


def _biplane(result: CatheterResult) -> Grid:
    b = result.biplane
    heads = ["pairs of frames", "tips", "median mm", "95 %", "residual mm", "found %", "beyond bound %", "false a pair"]
    row = [
        str(b.pairs), str(b.tips), number(b.median_mm, 2), number(b.p95_mm, 2), number(b.residual_median_mm, 2),
        percent(_known(b.found), 1), percent(_known(b.beyond_bound), 1), number(b.false_tips_a_pair, 2),
    ]  # fmt: skip
    note = f"Of the tips, {percent(_known(b.mixed), 1)} % put together from two different devices."
    return Grid("Tips in space from two planes, held-out simulated runs", heads, [row], 0, [note])


def _known(value: float) -> float | None:
    return value if value == value else None


def _cost(result: CatheterResult) -> Grid:
    heads = ["frame", "frames", "CPU ms", "network ms", "mean ms", "median", "99 %", "max"]
    rows = [
        [
            f"{c.size_px} x {c.size_px}, {c.bits} bits", str(c.frames), number(c.cpu_ms),
            number(c.network_ms), number(c.mean_ms),
            number(c.median_ms), number(c.p99_ms), number(c.largest_ms),
        ]
        for c in result.cost
    ]  # fmt: skip
    rows += [[f"{name}, 512 x 512", "", "", "", number(ms), "", "", ""] for name, ms in result.peer_ms.items()]
    note = f"One core, from the message to its fix. Load before: {result.environment['load before (1 min)']}."
    return Grid("Time of a frame", heads, rows, 1, [note])


def _bars(result: CatheterResult) -> Grid:
    rows = [[bar.name, bar.wanted, bar.reached, "yes" if bar.met else "no"] for bar in bars(result)]
    return Grid("What is wanted, and whether it is reached", ["figure", "wanted", "reached", "met"], rows)
