"""A result as JSON, and as one self-contained HTML page with plots."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence
from pathlib import Path

import msgspec

from heartwire.benchmarks.comparison import told as ranges
from heartwire.benchmarks.diagram import definitions
from heartwire.benchmarks.figures import END_TO_END
from heartwire.benchmarks.page import facts, page, table
from heartwire.benchmarks.plots import Axis, Points, curves, histogram
from heartwire.benchmarks.result import KindFigures, Result, Run
from heartwire.benchmarks.summary import leading
from heartwire.benchmarks.terminal import percentile_cells
from heartwire.engine.trace import Latencies, samples_needed

_SPECTRUM = (0.0, 50.0, 75.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99)
_SPECTRUM_TICKS = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99)
_BINS = 40
_MS_PER_US = 1e-3


def write(result: Result, folder: Path) -> None:
    """Write `result.json` and `report.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    title = f"heartwire bench {result.scenario}"
    (folder / "report.html").write_text(page(title, _body(result)), encoding="utf-8")


def _body(result: Result) -> str:
    why = html.escape("; ".join(result.invalid_because))
    verdict = "valid" if result.valid else f"<span class=bad>INVALID: {why}</span>"
    parts = [f"<p>Pipeline: {html.escape(result.pipeline)}. The result is {verdict}.</p>", facts(result.measured)]
    parts += [f"<p>{html.escape(remark)}</p>" for remark in result.remarks]
    parts.append("<h2>Headline</h2>" + _headline(result))
    if result.checks:
        parts.append(facts({check: "held" if held else "did not hold" for check, held in result.checks.items()}))
    if result.comparison:
        parts.append("<h2>Against an earlier result</h2>" + _comparison(result))
    if result.curve:
        parts.append("<h2>Curve</h2>" + _curve(result))
    if result.pooled:
        told = set(leading(result.runs[-1]).values())
        parts.append("<h2>Stages</h2>" + _stages(result.pooled, told) + _distribution(result.pooled, told))
    parts.append(_over_time(result.runs))
    parts.append("<h2>Runs</h2>" + _runs(result.runs))
    parts.append("<h2>Ledger</h2>" + _ledgers(result.runs))
    parts.append("<h2>Resources</h2>" + _resources(result.runs))
    parts.append("<h2>Definitions</h2>" + definitions() + _DEFINED)
    parts.append(
        "<h2>Environment</h2>" + facts({**result.environment, **{k: str(v) for k, v in result.options.items()}})
    )
    return "".join(parts)


_DEFINED = (
    "<p>Latency runs from the intended time of the item that held the last sample (or the frame) a finding needed, by "
    "the log of the load, to its arrival at an independent process. The naive figure counts from sending: where the "
    "two differ, the load was held up. A bound in brackets is the one-sided 99 % upper bound by order statistics; a "
    "percentile without enough samples for it is not given. Age of information is that of the newest finding at the "
    "observer, at any time.</p>"
)


def _headline(result: Result) -> str:
    rows = [
        [name, f"{s.median:.4g}", f"{s.lowest:.4g}", f"{s.highest:.4g}", str(len(s.values))]
        for name, s in result.headline.items()
    ]
    return table(["figure", "median", "lowest", "highest", "repeats"], rows)


def _comparison(result: Result) -> str:
    assert result.comparison is not None
    comparison = result.comparison
    rows = [
        [
            row.figure,
            f"{row.before:.4g}",
            f"{row.now:.4g}",
            "-" if row.ratio is None else f"{row.ratio:.3f}",
            ranges(row.apart),
        ]
        for row in comparison.rows
    ]
    differs = [*comparison.workload, *comparison.machine]
    told = f"differs: {'; '.join(differs)}" if differs else "same machine, same load"
    heads = ["figure", "before", "now", "now / before", "ranges"]
    return f"<p>{html.escape(comparison.earlier)}; {html.escape(told)}</p>{table(heads, rows)}"


def _curve(result: Result) -> str:
    names = list(dict.fromkeys(name for point in result.curve for name in point.figures))
    rows = [
        [
            f"{point.x:g}",
            *("-" if (value := point.figures.get(name)) is None else f"{value:.4g}" for name in names),
            "yes" if point.met else "no",
            point.why,
        ]
        for point in result.curve
    ]
    drawn = [name for name in names if " ms" in name and "CPU" not in name]
    # A doubling is a step to the right; 0 has no logarithm and stands left of everything.
    lowest = min((point.x for point in result.curve if point.x > 0), default=1.0)
    at = {point.x: math.log2(max(point.x, lowest / 4)) for point in result.curve}
    ticks = [(place, f"{x:g}") for x, place in at.items()]
    lines = {name: [(at[p.x], v) for p in result.curve if (v := p.figures.get(name)) is not None] for name in drawn}
    axis = Axis(result.curve_label, min(at.values()), max(at.values()), ticks)
    cost = {"CPU ms a bed-second": [(at[p.x], v) for p in result.curve if (v := p.figures.get("CPU ms a bed-second"))]}
    plots = curves(lines, axis, Axis("ms"), dots=True)
    if cost["CPU ms a bed-second"]:
        plots += curves(cost, axis, Axis("ms"), dots=True)
    return table([result.curve_label, *names, "met", "why not"], rows) + plots


def _stages(kinds: dict[str, KindFigures], told: set[str]) -> str:
    """Give every stage of the kinds that are told, end to end of the others."""
    heads = next((list(f.percentiles_ms) for k in kinds.values() for f in k.stages.values()), [])
    rows = [
        [kind, stage, str(f.n), f"{f.mean_ms:.2f}", f"{f.sd_ms:.2f}", *percentile_cells(f), f"{f.max_ms:.2f}"]
        for kind, figures in kinds.items()
        for stage, f in figures.stages.items()
        if kind in told or stage == END_TO_END
    ]
    columns = ["finding", "stage", "n", "mean ms", "sd ms", *(f"{head} ms" for head in heads), "max ms"]
    return table(columns, rows, n_names=2, total=END_TO_END)


def _distribution(kinds: dict[str, KindFigures], told: set[str]) -> str:
    spectrum: dict[str, Points] = {}
    shares = ""
    for kind, figures in kinds.items():
        latencies = Latencies()
        latencies.merge(figures.histograms)
        whole = latencies.histogram(END_TO_END)
        n = whole.get_total_count()
        # As far as there are samples to say so.
        shown = [p for p in _SPECTRUM if not p or n >= samples_needed(p)]
        spectrum[kind] = [(_nines(p), whole.get_value_at_percentile(p) * _MS_PER_US) for p in shown]
        shares += _shares(kind, latencies) if kind in told else ""
    axis = Axis("percentile", 0.0, _nines(99.99), [(_nines(p), f"{p:g}") for p in _SPECTRUM_TICKS])
    return f"<h2>End to end by percentile</h2>{curves(spectrum, axis, Axis('ms'), dots=True)}{shares}"


def _nines(percentile: float) -> float:
    return -math.log10(1.0 - percentile / 100.0)


def _shares(kind: str, latencies: Latencies) -> str:
    """Draw how often each latency is, up to the 99th percentile."""
    whole = latencies.histogram(END_TO_END)
    high_us = max(1, whole.get_value_at_percentile(99.0))
    edges_us = [high_us * n / _BINS for n in range(_BINS + 1)]
    counts = [0] * _BINS
    for item in whole.get_recorded_iterator():
        if item.value_iterated_to <= high_us:
            counts[min(int(item.value_iterated_to / high_us * _BINS), _BINS - 1)] += item.count_added_in_this_iter_step
    label = f"{kind}: ms, up to p99"
    return histogram([us * _MS_PER_US for us in edges_us], {kind: counts}, label, "findings")


def _over_time(runs: Sequence[Run]) -> str:
    lines: dict[str, Points] = {}
    memory: dict[str, Points] = {}
    for run in runs[:3]:
        for kind in [k for k in ("beat", "catheter fix") if k in run.kinds] or list(run.kinds)[:1]:
            series = run.kinds[kind].series
            lines[f"{run.label} {kind} max".strip()] = [(float(s), worst) for s, _, worst in series]
            lines[f"{run.label} {kind} p50".strip()] = [(float(s), p50) for s, p50, _ in series]
        for name, use in run.resources.items():
            memory[f"{run.label} {name}".strip()] = use.rss_series_mb
    axis = Axis("seconds from start")
    return f"<h2>Over time</h2>{curves(lines, axis, Axis('ms'))}{curves(memory, axis, Axis('RSS, MB'))}"


def _runs(runs: Sequence[Run]) -> str:
    rows = []
    for run in runs:
        for kind, f in run.kinds.items():
            jitter, age = f.jitter, f.age
            rows.append(
                [
                    run.label,
                    kind,
                    f"{run.ready_s:.1f}",
                    f"{f.first_ms:.2f}",
                    f"{f.deadline_misses} of {f.stages[END_TO_END].n} ({f.deadline_ms:g} ms)",
                    "-" if not jitter or jitter.p99_minus_p1_ms is None else f"{jitter.p99_minus_p1_ms:.2f}",
                    f"{jitter.iqr_ms:.2f}" if jitter else "-",
                    f"{jitter.departure_sd_ms:.2f} of {jitter.period_ms:.0f}" if jitter else "-",
                    f"{age.mean_ms:.1f} / {age.peak_ms:.1f}" if age else "-",
                ]
            )
        rows += [
            [
                run.label,
                f"{name}, each item",
                f"{run.ready_s:.1f}",
                "-",
                f"p50 {f.percentiles_ms['p50']}",
                "-",
                "-",
                "-",
                "-",
            ]
            for name, f in run.items.items()
        ]
    heads = ["run", "finding", "READY s", "first ms", "deadline misses", "p99-p1 ms", "IQR ms"]
    heads += ["departures off schedule, sd ms of period ms", "age mean / peak ms"]
    return table(heads, rows, n_names=2)


def _ledgers(runs: Sequence[Run]) -> str:
    rows = [
        [
            run.label,
            stream,
            str(r.offered),
            str(r.processed),
            ", ".join(f"{n} {cause}" for cause, n in r.dropped.items() if n) or "0",
            str(r.missing),
            str(r.in_flight),
        ]
        for run in runs[:12]
        for stream, r in sorted(run.ledgers.items())[:32]
    ]
    return table(["run", "stream", "offered", "processed", "dropped", "missing", "in flight"], rows, n_names=2)


def _resources(runs: Sequence[Run]) -> str:
    rows = []
    for run in runs:
        for name, use in run.resources.items():
            pauses = run.gc_pauses.get(name)
            figures = (use.cpu_percent, use.rss_mb, use.switches_per_s, use.involuntary_per_s)
            told = (
                [f"{pauses['n']:.0f}", f"{pauses['total_ms']:.1f}", f"{pauses['longest_ms']:.2f}"]
                if pauses
                else ["-"] * 3
            )
            rows.append([run.label, name, *(f"{value:.0f}" for value in figures), *told])
        rows += [
            [run.label, f"GPU {name}", f"{r.lowest:g} / {r.median:g} / {r.highest:g}", *[""] * 6]
            for name, r in run.gpu.items()
        ]
    heads = [
        "run",
        "process",
        "CPU % of a core",
        "RSS MB",
        "switches/s",
        "involuntary/s",
        "GC pauses",
        "in all ms",
        "longest ms",
    ]
    return table(heads, rows, n_names=2)
