"""A latency result as a table on the terminal, as JSON, and as one self-contained HTML page with plots."""

from __future__ import annotations

import html
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from heartwire.benchmarks.latency import Figures, Result
from heartwire.benchmarks.page import facts, page, table
from heartwire.benchmarks.plots import Axis, curves
from heartwire.engine.observer import Measured, tables
from heartwire.engine.trace import END_TO_END


def _cells(figures: Figures) -> list[str]:
    values = list(figures.percentiles_ms.values())
    return [str(figures.n), *("-" if v is None else f"{v:.2f}" for v in values), f"{figures.max_ms:.2f}"]


def show(result: Result, console: Console) -> None:
    """Print the figures."""
    load = result.workload
    step = "in step" if load.in_step else "each with its own phase"
    console.print(f"{load.beds} beds {step} and {load.labs} labs, paced, {load.seconds:g} s")
    console.print(*tables(Measured(result.histograms)))
    ledger = Table("stream", "offered", "processed", "dropped", "missing", "in flight", title="Ledger")
    for stream, r in sorted(result.ledgers.items()):
        numbers = (r.offered, r.processed, sum(r.dropped.values()), r.missing, r.in_flight)
        ledger.add_row(stream, *(str(n) for n in numbers))
    console.print(ledger)
    used = Table("process", "CPU % of a core", "memory MB", "context switches/s", title="Resources")
    for name, figures in result.resources.items():
        used.add_row(name, *(f"{figures[key]:.0f}" for key in ("cpu_percent", "rss_mb", "switches_per_s")))
    console.print(used)
    console.print(", ".join(f"{k}: {v}" for k, v in result.environment.items()), soft_wrap=True, highlight=False)
    verdict = "ledger balanced, nothing missing" if result.valid else f"INVALID: {'; '.join(result.invalid_because)}"
    console.print(f"time to READY {result.ready_s:.1f} s; {verdict}")


def _distribution(measured: Measured, kind: str) -> list[tuple[float, float]]:
    """Give (percentile, ms) of the end-to-end latency."""
    histogram = measured.of(kind).histogram(END_TO_END)
    count = histogram.get_total_count()
    return [(p, histogram.get_value_at_percentile(p) / 1e3) for p in range(101)] if count else []


def write(result: Result, folder: Path) -> None:
    """Write `result.json` and `report.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "result.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    measured = Measured(result.histograms)
    spread = {kind: _distribution(measured, kind) for kind in result.stages}
    worst = {kind: sorted((float(s), v) for s, v in by.items()) for kind, by in result.worst_ms.items()}
    rows = [
        [kind, stage, *_cells(figures)] for kind, stages in result.stages.items() for stage, figures in stages.items()
    ]
    heads = next((list(f.percentiles_ms) for s in result.stages.values() for f in s.values()), [])
    verdict = (
        "valid" if result.valid else f"<span class=bad>invalid: {html.escape('; '.join(result.invalid_because))}</span>"
    )
    told = {**result.environment, "time to READY": f"{result.ready_s:.1f} s", "providers": "; ".join(result.providers)}
    columns = ["finding", "stage", "n", *(f"{head} ms" for head in heads), "max ms"]
    body = (
        f"<p>Run: {verdict}. Latency runs from the intended time of the message that completed a finding to its "
        "arrival at an independent subscriber.</p>"
        f"{table(columns, rows, n_names=2, total=END_TO_END)}"
        f"<h2>End to end by percentile</h2>{curves(spread, Axis('percentile'), Axis('ms'))}"
        f"<h2>Worst in each second</h2>{curves(worst, Axis('seconds from start'), Axis('ms'))}"
        f"<h2>Workload</h2><p>{html.escape(str(msgspec.to_builtins(result.workload)))}</p>"
        f"<h2>Environment</h2>{facts(told)}"
    )
    (folder / "report.html").write_text(page(f"heartwire latency, {result.scenario}", body), encoding="utf-8")
