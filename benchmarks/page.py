"""One self-contained HTML page: its style, its tables, its facts."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:66rem;margin:2rem auto;padding:0 1rem;color:#1c1917}
table{border-collapse:collapse;margin:1rem 0;font-variant-numeric:tabular-nums;font-size:.92em}
td,th{padding:.2rem .7rem;border-bottom:1px solid #d6d3d1;text-align:right}td.name,th.name{text-align:left}
tr.total{font-weight:600}svg{width:100%;height:auto}.wide{overflow-x:auto}.bad{color:#b91c1c;font-weight:600}"""


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, n_names: int = 1, total: str = "") -> str:
    """Give a table.

    Parameters
    ----------
    heads
        Of its columns.
    rows
        Its cells.
    n_names
        So many columns from the left hold names, the others numbers.
    total
        A row with this name is the sum of those before.
    """

    def line(cells: Sequence[str], tag: str) -> str:
        kinds = [' class="name"' if i < n_names else "" for i in range(len(cells))]
        return "".join(f"<{tag}{kind}>{html.escape(c)}</{tag}>" for c, kind in zip(cells, kinds, strict=True))

    body = "".join(
        f"<tr{' class=total' if total and total in row[:n_names] else ''}>{line(row, 'td')}</tr>" for row in rows
    )
    return f"<div class=wide><table><tr>{line(heads, 'th')}</tr>{body}</table></div>"


def facts(values: Mapping[str, str]) -> str:
    """Give a table of names and what they are."""
    return table(["", ""], list(values.items()), n_names=2) if values else ""


def page(title: str, body: str) -> str:
    """Give the whole page."""
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
    return f"{head}<style>{_STYLE}</style><h1>{html.escape(title)}</h1>{body}</html>"
