"""The evaluation on the Noise Stress Test Database as one page with plots."""

from __future__ import annotations

from heartwire.benchmarks.accuracy.mitdb_result import WHOLE
from heartwire.benchmarks.accuracy.nstdb_run import BOTH, NstdbResult
from heartwire.benchmarks.accuracy.nstdb_tables import tables
from heartwire.benchmarks.page import facts, page
from heartwire.benchmarks.plots import Axis, curves


def nstdb_page(result: NstdbResult) -> str:
    """Give the page."""
    shown = {
        stage: [(float(p.snr_db), 100.0 * (p.qrs[BOTH].f1 or 0.0)) for p in stretches[WHOLE]]
        for stage, stretches in result.stages.items()
    }
    shown["masked"] = [(float(p.snr_db), 100.0 * (p.qrs.f1 or 0.0)) for p in result.masked]
    for name, curve in result.peers.items():
        if not name.startswith("heartwire") or curve.leads == "1":
            shown[name] = [(float(ratio), 100.0 * (q.f1 or 0.0)) for ratio, q in curve.qrs.items()]
    values = [y for points in shown.values() for _, y in points]
    ratios = [float(p.snr_db) for p in result.masked]
    x = Axis("signal-to-noise ratio, dB", min(ratios, default=0.0), max(ratios, default=1.0))
    y = Axis("F1 %", min(values, default=99.0) - 1.0, 100.0)
    parts = [
        f"<p>{len(result.records)} records. Electrode motion from the fifth minute on, two minutes with and two without"
        " by turns.</p>",
        f"<h2>F1 against noise, whole records</h2>{curves(shown, x, y, dots=True)}",
        "<h2>Tables</h2>",
        *(grid.page() for grid in reversed(tables(result))),
        f"<h2>Environment</h2>{facts(result.environment)}",
    ]
    return page("heartwire on the MIT-BIH Noise Stress Test Database", "".join(parts))
