"""A latency result as a table on the terminal, as JSON, and as one self-contained HTML page with plots."""

from __future__ import annotations

import html
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from heartwire.benchmarks.latency import Figures, Result
from heartwire.engine.observer import Measured, tables
from heartwire.engine.trace import END_TO_END

_WIDTH, _HEIGHT, _MARGIN = 720, 260, 46
_COLOURS = ("#0b6e99", "#c2410c", "#4d7c0f")
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c1917}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums}
td,th{padding:.2rem .7rem;border-bottom:1px solid #d6d3d1;text-align:right}td:first-child,th:first-child,
td:nth-child(2),th:nth-child(2){text-align:left}tr.total{font-weight:600}svg{width:100%;height:auto}
.bad{color:#b91c1c;font-weight:600}"""


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


def _line(points: list[tuple[float, float]], x_max: float, y_max: float, colour: str) -> str:
    def place(x: float, y: float) -> str:
        px = _MARGIN + (_WIDTH - 2 * _MARGIN) * x / x_max
        py = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * min(y / y_max, 1.0)
        return f"{px:.1f},{py:.1f}"

    return f'<polyline fill="none" stroke="{colour}" points="{" ".join(place(x, y) for x, y in points)}"/>'


def _plot(curves: dict[str, list[tuple[float, float]]], x_label: str, y_label: str) -> str:
    """Draw curves into one SVG with both axes from zero."""
    curves = {name: points for name, points in curves.items() if points}
    x_max = max((x for points in curves.values() for x, _ in points), default=1.0) or 1.0
    y_max = max((y for points in curves.values() for _, y in points), default=1.0) or 1.0
    base, right = _HEIGHT - _MARGIN, _WIDTH - _MARGIN
    parts = [f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" font-size="12" font-family="sans-serif">']
    parts.append(f'<path d="M{_MARGIN} {_MARGIN}V{base}H{right}" fill="none" stroke="#78716c"/>')
    for n in range(5):
        x, y = _MARGIN + (right - _MARGIN) * n / 4, base - (base - _MARGIN) * n / 4
        parts.append(f'<text x="{x:.0f}" y="{base + 16}" text-anchor="middle">{x_max * n / 4:.3g}</text>')
        parts.append(f'<text x="{_MARGIN - 6}" y="{y + 4:.0f}" text-anchor="end">{y_max * n / 4:.3g}</text>')
    parts.append(f'<text x="{right}" y="{base + 34}" text-anchor="end">{html.escape(x_label)}</text>')
    parts.append(f'<text x="{_MARGIN}" y="{_MARGIN - 14}">{html.escape(y_label)}</text>')
    for n, (name, points) in enumerate(curves.items()):
        colour = _COLOURS[n % len(_COLOURS)]
        parts.append(_line(points, x_max, y_max, colour))
        parts.append(f'<text x="{right - 120}" y="{_MARGIN + 16 * n}" fill="{colour}">{html.escape(name)}</text>')
    return "".join([*parts, "</svg>"])


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
    rows = "".join(
        f"<tr{' class=total' if stage == END_TO_END else ''}><td>{html.escape(kind)}<td>{html.escape(stage)}"
        + "".join(f"<td>{cell}" for cell in _cells(figures))
        for kind, stages in result.stages.items()
        for stage, figures in stages.items()
    )
    heads = next((list(f.percentiles_ms) for s in result.stages.values() for f in s.values()), [])
    verdict = (
        "valid" if result.valid else f"<span class=bad>invalid: {html.escape('; '.join(result.invalid_because))}</span>"
    )
    facts = {**result.environment, "time to READY": f"{result.ready_s:.1f} s", "providers": "; ".join(result.providers)}
    (folder / "report.html").write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>heartwire latency</title><style>{_STYLE}</style>"
        f"<h1>heartwire latency, {result.scenario}</h1><p>Run: {verdict}. Latency runs from the intended time of the "
        "message that completed a finding to its arrival at an independent subscriber.</p>"
        f"<table><tr><th>finding<th>stage<th>n{''.join(f'<th>{h} ms' for h in heads)}<th>max ms{rows}</table>"
        f"<h2>End to end by percentile</h2>{_plot(spread, 'percentile', 'ms')}"
        f"<h2>Worst in each second</h2>{_plot(worst, 'seconds from start', 'ms')}"
        f"<h2>Workload</h2><p>{html.escape(str(msgspec.to_builtins(result.workload)))}</p>"
        "<h2>Environment</h2><table>"
        + "".join(f"<tr><td>{html.escape(k)}<td>{html.escape(v)}" for k, v in facts.items())
        + "</table></html>",
        encoding="utf-8",
    )
