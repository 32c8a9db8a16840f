"""The evaluation of catheter localisation as one page with plots."""

from __future__ import annotations

import html

import numpy as np

from heartwire.benchmarks.accuracy.catheter_reliability import Reliability
from heartwire.benchmarks.accuracy.catheter_result import OURS, CatheterResult
from heartwire.benchmarks.accuracy.catheter_tables import tables
from heartwire.benchmarks.page import facts, page
from heartwire.benchmarks.plots import Axis, Points, bars, curves

_FARTHEST_PX = 30.0
_LABEL = 7
"""Letters for which there is room below a bar."""


def catheter_page(result: CatheterResult) -> str:
    """Give the page."""
    found = {f.origin[:_LABEL]: 100.0 * f.found for f in result.recorded if f.method == OURS and f.found is not None}
    told = {f"{i + 1} {f.kind}"[:_LABEL]: 100.0 * f.told for i, f in enumerate(result.empty)}
    shares = {name: _shares(list(tips.values())) for name, tips in result.recorded_tips_px.items()}
    parts = [
        f"<p>{html.escape(result.model)}; {result.seconds:.0f} s in all. The worst frames are kept beside this page as "
        "pictures; those of recordings must not be passed on.</p>",
        "<h2>Recorded frames: share of tips within a distance</h2>",
        curves(shares, Axis("px", 0.0, _FARTHEST_PX), Axis("% of frames", 0.0, 100.0)),
        f"<h2>Recorded frames: device found</h2>{bars(found, Axis('% of frames', 0.0, 100.0))}",
        f"<h2>No device there: frames with one told</h2>{bars(told, Axis('% of frames', 0.0, 100.0))}",
        "<h2>Stated 95 % bound of a tip against its true error</h2>",
        _reliability({"tracked": result.tracking_bound, "detected": result.detection_bound}),
        "<h2>Tables</h2>",
        *(grid.page() for grid in reversed(tables(result))),
        *(f"<h3>Worst: {html.escape(kind)}</h3>{_links(paths)}" for kind, paths in result.worst.items()),
        f"<h2>Environment</h2>{facts(result.environment)}",
    ]
    return page("heartwire: catheters and guidewires", "".join(parts))


def _shares(tips_px: list[float]) -> Points:
    """Give the share of errors up to each distance, %."""
    known = np.sort([tip for tip in tips_px if tip == tip])
    within = known[known <= _FARTHEST_PX]
    steps = [(float(tip), 100.0 * (i + 1) / len(known)) for i, tip in enumerate(within)]
    return [(0.0, 0.0), *steps, (_FARTHEST_PX, 100.0 * len(within) / max(1, len(known)))]


def _reliability(bounds: dict[str, Reliability]) -> str:
    lines: dict[str, Points] = {
        name: list(zip(bound.stated_px, bound.true_95_px, strict=True)) for name, bound in bounds.items() if bound.tips
    }
    high = max((max(point) for points in lines.values() for point in points), default=1.0)
    lines["as stated"] = [(0.0, 0.0), (high, high)]
    return curves(lines, Axis("stated bound, px", 0.0, high), Axis("95 % of the true errors, px", 0.0, high), dots=True)


def _links(paths: list[str]) -> str:
    items = "".join(f'<li><a href="{html.escape(path)}">{html.escape(path)}</a></li>' for path in paths)
    return f"<ol>{items}</ol>"
