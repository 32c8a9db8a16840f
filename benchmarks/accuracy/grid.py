"""A table of figures for a terminal of 140 columns and for a page, and how its cells are written."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Group
from rich.table import Table
from rich.text import Text

from heartwire.benchmarks.accuracy.beat_figures import Errors, QrsFigures, Spread
from heartwire.benchmarks.page import table as page_table

_NOTHING = "-"


@dataclass(frozen=True)
class Grid:
    """A table: the first `n_names` columns are names; notes stand below it."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    n_names: int = 1
    notes: Sequence[str] = field(default=())

    def __rich__(self) -> Group:
        """Give it for a terminal."""
        table = Table(box=None, padding=(0, 1, 0, 0))
        for i, head in enumerate(self.heads):
            table.add_column(head, justify="left" if i < self.n_names else "right", no_wrap=True)
        for row in self.rows:
            table.add_row(*row)
        return Group(Text(f"\n{self.title}", "bold"), table, *(Text(note, "dim") for note in self.notes))

    def page(self) -> str:
        """Give it for a page."""
        notes = "".join(f"<p>{html.escape(note)}</p>" for note in self.notes)
        return f"<h3>{html.escape(self.title)}</h3>{page_table(self.heads, self.rows, n_names=self.n_names)}{notes}"


def percent(share: float | None, digits: int = 2) -> str:
    """Write a share in per cent."""
    return _NOTHING if share is None else f"{100 * share:.{digits}f}"


def qrs_cells(figures: QrsFigures) -> list[str]:
    """Write Se, +P and F1."""
    return [percent(figures.se), percent(figures.p), percent(figures.f1)]


def error_cells(errors: Errors | None) -> list[str]:
    """Write median and 95 % of the size of the errors, and their signed mean."""
    if errors is None:
        return [_NOTHING] * 3
    return [f"{errors.median_abs:.1f}", f"{errors.p95_abs:.1f}", f"{errors.mean:+.1f}"]


def spread_cells(spread: Spread | None) -> list[str]:
    """Write median, 95 % and 99 %."""
    if spread is None:
        return [_NOTHING] * 3
    return [f"{spread.median:.0f}", f"{spread.p95:.0f}", f"{spread.p99:.0f}"]
