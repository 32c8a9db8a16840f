"""The evaluation on the Noise Stress Test Database as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from heartwire.benchmarks.accuracy.grid import Grid, percent, qrs_cells, spread_cells
from heartwire.benchmarks.accuracy.mitdb_tables import peer_notes
from heartwire.benchmarks.accuracy.nstdb_run import BOTH, NoisePoint, NstdbResult


def tables(result: NstdbResult) -> list[Grid]:
    """Give every table, what is most asked for last."""
    grids = []
    if result.peers:
        ratios = [point.snr_db for point in result.masked]
        rows = [
            [name, curve.leads, *(percent(curve.qrs[ratio].f1) for ratio in ratios), f"{curve.times_real_time:.0f}"]
            for name, curve in result.peers.items()
        ]
        heads = ["detector", "leads", *(f"{ratio} dB" for ratio in ratios), "x real time"]
        title = f"Peers, F1 in %, {BOTH}, whole records, unmasked, one thread"
        grids.append(Grid(title, heads, rows, notes=peer_notes(result.peers, result.peers_absent)))
    grids += [_stage(stage, stretches) for stage, stretches in result.stages.items()]
    masked = [[f"{p.snr_db}", percent(p.masked_share, 1), *qrs_cells(p.qrs)] for p in result.masked]
    title = "Confirmed, masked where the engine's own signal quality says that it is not to be trusted"
    grids.append(Grid(title, ["SNR dB", "masked %", "Se %", "+P %", "F1 %"], masked))
    return grids


def _stage(stage: str, stretches: Mapping[str, Sequence[NoisePoint]]) -> Grid:
    points = [point for each in stretches.values() for point in each]
    groups = [*sorted({name for point in points for name in point.qrs} - {BOTH}), BOTH]
    rows = []
    for stretch, each in stretches.items():
        for point in each:
            cells = [" ".join(qrs_cells(point.qrs[g])) if g in point.qrs else "-" for g in groups]
            rows.append([stretch, f"{point.snr_db}", *cells, *spread_cells(point.delay_ms)])
    heads = ["stretch", "SNR dB", *(f"{group}: Se +P F1" for group in groups), "delay ms", "95 %", "99 %"]
    return Grid(f"Noise stress, {stage}, unmasked, in %", heads, rows)
