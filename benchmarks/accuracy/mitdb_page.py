"""The evaluation on the MIT-BIH Arrhythmia Database as one page with plots."""

from __future__ import annotations

from heartwire.benchmarks.accuracy.mitdb_result import MitdbResult
from heartwire.benchmarks.accuracy.mitdb_tables import SIDES, tables
from heartwire.benchmarks.page import facts, page
from heartwire.benchmarks.plots import Axis, bars, curves, histogram, matrix


def mitdb_page(result: MitdbResult) -> str:
    """Give the page."""
    confirmed = result.stages["confirmed"]
    parts = [
        f"<p>{len(result.records)} records in process, one thread, {result.times_real_time:.0f} times real time. "
        "Shares in per cent. DS1 was trained on.</p>",
        f"<h2>Accuracy against delay</h2>{_delay_plot(result)}",
        "<h2>Delay from the R peak to the decision</h2>",
        histogram(confirmed.delays.edges, {s: f.delays.counts for s, f in result.stages.items()}, "ms"),
        "<h2>Error of the R peak, confirmed</h2>",
        histogram(confirmed.errors.edges, {"confirmed": confirmed.errors.counts}, "ms"),
        "<h2>F1 of each record, confirmed</h2>",
        _record_bars(result),
    ]
    for labelling, counts in result.confusion.items():
        parts.append(f"<h2>DS2, {labelling}</h2>{matrix(SIDES, counts, rows='reference', columns='engine')}")
    parts.append("<h2>Tables</h2>")
    parts += [grid.page() for grid in reversed(tables(result))]
    parts.append(f"<h2>Environment</h2>{facts(result.environment)}")
    return page("heartwire on the MIT-BIH Arrhythmia Database", "".join(parts))


def _delay_plot(result: MitdbResult) -> str:
    """Draw F1 against the median delay: the network at its look-aheads, and the peers that tell when they decide."""
    shown = {
        "network alone": [
            (p.delay_ms.median, 100.0 * p.qrs.f1) for p in result.lookahead if p.delay_ms and p.qrs.f1 is not None
        ]
    }
    for name, peer in result.peers.items():
        f1 = peer.sets["all records"].f1
        if peer.delay_ms and f1 is not None:
            shown[name] = [(peer.delay_ms.median, 100.0 * f1)]
    low = min((y for points in shown.values() for _, y in points), default=99.0)
    return curves(shown, Axis("median delay, ms"), Axis("F1 %", max(0.0, low - 0.1), 100.0), dots=True)


def _record_bars(result: MitdbResult) -> str:
    values = {name: 100.0 * f.qrs.f1 for name, f in result.per_record.items() if f.qrs.f1 is not None}
    low = min(values.values(), default=99.0)
    return bars(values, Axis("F1 %", max(0.0, low - 0.2), 100.0))
