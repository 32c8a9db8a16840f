"""A result on the terminal: the headline, the stages of what leads, the account, what was used, the verdict."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from heartwire.benchmarks.comparison import told
from heartwire.benchmarks.figures import END_TO_END
from heartwire.benchmarks.result import Figures, Result, Run
from heartwire.benchmarks.summary import leading

_CURVE_ROWS = 40


def show(result: Result, console: Console) -> None:
    """Print it."""
    console.print(f"{result.scenario}, pipeline: {result.pipeline}", style="bold", highlight=False, soft_wrap=True)
    console.print("; ".join(result.measured.values()), highlight=False, soft_wrap=True)
    for table in _tables(result):
        console.print(table)
    environment = ", ".join(f"{k}: {v}" for k, v in result.environment.items())
    console.print(environment, soft_wrap=True, highlight=False, style="dim")
    for remark in result.remarks:
        console.print(f"note: {remark}", soft_wrap=True, highlight=False)
    for check, held in result.checks.items():
        console.print(f"{'held' if held else 'DID NOT HOLD'}: {check}", highlight=False)
    if result.valid:
        console.print("valid: every sample and frame is accounted for" if _has_ledgers(result) else "valid")
    else:
        console.print(f"INVALID: {'; '.join(result.invalid_because)}", style="bold red", soft_wrap=True)


def _has_ledgers(result: Result) -> bool:
    return all(run.ledgers for run in result.runs)


def _tables(result: Result) -> Iterator[Table]:
    yield _headline(result)
    if result.comparison:
        yield _comparison(result)
    if result.curve:
        yield _curve(result)
    if result.pooled and result.runs:
        yield _stages(result)
    if result.scenario not in ("beds", "faults"):
        for run in result.runs[:1]:
            yield _ledger(run)
            yield _used(run)


def _headline(result: Result) -> Table:
    repeats = max((len(spread.values) for spread in result.headline.values()), default=1)
    many = repeats > 1
    table = Table("figure", "median" if many else "value", *(["lowest", "highest"] if many else []))
    for name, spread in result.headline.items():
        values = [spread.median, spread.lowest, spread.highest] if many else [spread.median]
        table.add_row(name, *(_number(v) for v in values))
    return table


def _comparison(result: Result) -> Table:
    assert result.comparison is not None
    comparison = result.comparison
    caption = "; ".join([*(f"differs: {d}" for d in (*comparison.workload, *comparison.machine))]) or "same machine"
    table = Table("figure", "before", "now", "now / before", "ranges", title=f"Against {comparison.earlier}")
    table.caption = caption
    for row in comparison.rows:
        ratio = "-" if row.ratio is None else f"{row.ratio:.2f}"
        table.add_row(row.figure, _number(row.before), _number(row.now), ratio, told(row.apart))
    return table


def _curve(result: Result) -> Table:
    names = list(dict.fromkeys(name for point in result.curve for name in point.figures))
    table = Table(result.curve_label, *names, "met", "why not")
    for point in result.curve[:_CURVE_ROWS]:
        cells = [_number(point.figures.get(name)) for name in names]
        table.add_row(f"{point.x:g}", *cells, "yes" if point.met else "no", point.why[:60])
    return table


def _stages(result: Result) -> Table:
    kinds = leading(result.runs[-1]).values()
    heads = next((list(f.percentiles_ms) for k in result.pooled.values() for f in k.stages.values()), [])
    table = Table("finding", "stage", "n", *heads, "max", caption="ms; -: not enough samples; (<= bound at 99 %)")
    for kind, figures in result.pooled.items():
        for stage, f in figures.stages.items():
            if kind in kinds or stage == END_TO_END:
                style = "bold" if stage == END_TO_END else None
                table.add_row(kind, stage, str(f.n), *percentile_cells(f), f"{f.max_ms:.2f}", style=style)
    return table


def percentile_cells(figures: Figures) -> list[str]:
    """Give each percentile with its upper bound, "-" where there are too few samples."""
    cells = []
    for name, value in figures.percentiles_ms.items():
        upper = figures.upper_99_ms[name]
        cells.append("-" if value is None or upper is None else f"{value:.2f} (<= {upper:.2f})")
    return cells


def _ledger(run: Run) -> Table:
    table = Table("stream", "offered", "processed", "dropped", "missing", "in flight", title="Ledger")
    for stream, r in sorted(run.ledgers.items())[:_CURVE_ROWS]:
        dropped = ", ".join(f"{n} {cause}" for cause, n in r.dropped.items() if n) or "0"
        table.add_row(stream, str(r.offered), str(r.processed), dropped, str(r.missing), str(r.in_flight))
    return table


def _used(run: Run) -> Table:
    heads = ("process", "CPU % of a core", "memory MB", "context switches/s", "of them involuntary", "GC pauses")
    table = Table(*heads, title="Resources")
    for name, use in run.resources.items():
        pauses = run.gc_pauses.get(name)
        paused = f"{pauses['n']:.0f}, longest {pauses['longest_ms']:.1f} ms" if pauses else "-"
        figures = (use.cpu_percent, use.rss_mb, use.switches_per_s, use.involuntary_per_s)
        table.add_row(name, *(f"{value:.0f}" for value in figures), paused)
    for name, range_ in run.gpu.items():
        table.add_row(f"GPU {name}", f"{range_.lowest:g} / {range_.median:g} / {range_.highest:g}", "", "", "", "")
    return table


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return (
        f"{value:.0f}"
        if value == round(value) or abs(value) >= 1000
        else f"{value:.3g}"
        if abs(value) < 1
        else f"{value:.2f}"
    )
