"""The evaluation of atrial fibrillation as tables and as one page with plots."""

from __future__ import annotations

import numpy as np

from heartwire.benchmarks.accuracy.af_run import EXCLUDED, LEAST_EPISODE_S, AfResult
from heartwire.benchmarks.accuracy.af_score import Counts
from heartwire.benchmarks.accuracy.grid import Grid, percent
from heartwire.benchmarks.accuracy.rhythm_score import RhythmScore
from heartwire.benchmarks.page import facts, page
from heartwire.benchmarks.plots import Axis, bars, histogram

_DELAY_EDGES = [float(s) for s in range(0, 125, 5)]


def tables(result: AfResult) -> list[Grid]:
    """Give every table, what is most asked for last."""
    grids = [_rhythm_grid("Records", {n: s for n, s in result.per_record.items() if s.annotated_s or s.told_s})]
    if result.afdb is not None:
        rows = [[name, *_cells(w.every)] for name, w in result.afdb_records.items()]
        grids.append(Grid("afdb by record, thirty beats at every beat", _HEADS, rows))
        each = {
            "window of 30 at every beat": result.afdb.every,
            "windows of one rhythm": result.afdb.pure,
            "each beat, as told then": result.afdb.live,
            "each beat, as dated": result.afdb.dated,
        }
        if result.afdb_without is not None:
            each[f"window of 30, without {' '.join(EXCLUDED)}"] = result.afdb_without.every
        title = f"afdb, {len(result.afdb_records)} records, RR intervals alone, patient-wise folds"
        grids.append(Grid(title, _HEADS, _rows(each)))
    rows = [
        [title, str(s.records), str(s.clear_records), percent(s.rhythm.specificity), str(s.false_alarms),
         f"{(s.rhythm.other_s / 3600.0):.1f}"]
        for title, s in result.sets.items()
    ]  # fmt: skip
    heads = ["set", "records", "nothing told", "Sp % (time)", "false alarms", "hours without AF"]
    grids.append(_rhythm_grid("Not trained on, by set", {title: s.rhythm for title, s in result.sets.items()}))
    grids.append(Grid("Not trained on: false calls", heads, rows))
    if result.cinc2017 is not None:
        c = result.cinc2017
        each = {"told at any time": c.all, "of odd number": c.unseen, "told for half of it": c.half}
        grids.append(Grid("cinc2017, N and A recordings, cross-validated", _HEADS, _rows(each)))
    return grids


_HEADS = ["", "Se %", "Sp %", "+P %", "F1", "AF", "other"]


def _rows(each: dict[str, Counts]) -> list[list[str]]:
    return [[name, *_cells(c)] for name, c in each.items()]


def _cells(c: Counts) -> list[str]:
    shares = [percent(c.sensitivity), percent(c.specificity), percent(c.predictivity)]
    return [*shares, "-" if c.f1 is None else f"{c.f1:.4f}", str(c.tp + c.fn), str(c.tn + c.fp)]


def _rhythm_grid(title: str, scores: dict[str, RhythmScore]) -> Grid:
    rows = []
    for name, s in scores.items():
        delays = [f"{v:.1f}" for v in np.percentile(s.delays_s, [50, 95])] if s.delays_s else ["-", "-"]
        rows.append([
            name, percent(s.duration_sensitivity), percent(s.duration_predictivity), percent(s.specificity),
            f"{s.found}/{s.episodes}", f"{s.right}/{s.calls}", *delays, f"{s.annotated_s / 60:.1f}",
        ])  # fmt: skip
    heads = ["", "Se % (time)", "+P % (time)", "Sp % (time)", "found", "right", "delay s", "95 %", "AF min"]
    note = f"Episodes of {LEAST_EPISODE_S:g} s or more; delay from the annotated onset to the decision."
    return Grid(title, heads, rows, notes=[note])


def af_page(result: AfResult) -> str:
    """Give the page."""
    parts = ["<p>Each recording with a model that has not seen it.</p>"]
    if result.afdb_records:
        values = {n: 100.0 * (w.every.specificity or 0.0) for n, w in result.afdb_records.items()}
        found = {n: 100.0 * (w.every.sensitivity or 0.0) for n, w in result.afdb_records.items()}
        parts += [
            f"<h2>afdb, sensitivity by record</h2>{bars(found, Axis('Se %', min(found.values()) - 1.0, 100.0))}",
            f"<h2>afdb, specificity by record</h2>{bars(values, Axis('Sp %', min(values.values()) - 1.0, 100.0))}",
        ]
    delays = [d for s in result.per_record.values() for d in s.delays_s]
    if delays:
        counts = np.histogram(np.clip(delays, 0.0, _DELAY_EDGES[-1] - 1e-6), _DELAY_EDGES)[0].tolist()
        parts += ["<h2>Delay from onset to decision</h2>", histogram(_DELAY_EDGES, {"episodes": counts}, "s")]
    clear = {n: 100.0 * (s.specificity or 0.0) for n, s in result.per_record.items() if not s.annotated_s}
    if clear:
        drawn = bars(clear, Axis("Sp %", min(clear.values()) - 1.0, 100.0))
        parts.append(f"<h2>Specificity of records without fibrillation</h2>{drawn}")
    parts += ["<h2>Tables</h2>", *(grid.page() for grid in reversed(tables(result)))]
    parts.append(f"<h2>Environment</h2>{facts(result.environment)}")
    return page("heartwire on atrial fibrillation", "".join(parts))
