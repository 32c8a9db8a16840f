"""The evaluation on the MIT-BIH Arrhythmia Database as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from heartwire.benchmarks.accuracy.beat_figures import ClassFigures
from heartwire.benchmarks.accuracy.beat_score import CLASSES
from heartwire.benchmarks.accuracy.grid import Grid, error_cells, percent, qrs_cells, spread_cells
from heartwire.benchmarks.accuracy.lookahead import LookaheadPoint
from heartwire.benchmarks.accuracy.mitdb_result import CrossCheck, MitdbResult, RecordFigures, StageFigures
from heartwire.benchmarks.accuracy.network_cost import NetworkCost
from heartwire.benchmarks.accuracy.peer_run import Detector, PeerFigures

SIDES = (*CLASSES, "none")
_LABELLINGS = ("immediate", "revised")


def tables(result: MitdbResult) -> list[Grid]:
    """Give every table, what is most asked for last."""
    counts = [[name, *(str(n) for n in by.values())] for name, by in result.beats.items()]
    grids = [_records(result.per_record), _cost(result.costs), _lookahead(result.lookahead)]
    if result.peers:
        grids.append(_peers(result.peers, result.peers_absent))
    grids.append(_cross_check(result.cross_check))
    grids.append(Grid("Reference beats", ["records", *CLASSES], counts))
    grids += [_confusion(labelling, counts) for labelling, counts in result.confusion.items()]
    grids.append(_classes(result.classes))
    grids += [_qrs(stage, figures) for stage, figures in result.stages.items()]
    grids.append(_timing(result.stages))
    return grids


def _qrs(stage: str, figures: StageFigures) -> Grid:
    rows = [
        [
            stretch, title, str(q.records), str(q.beats), str(q.fn), str(q.fp), *qrs_cells(q),
            percent(q.average_se), percent(q.average_p), percent(q.average_f1),
        ]
        for stretch, sets in figures.qrs.items()
        for title, q in sets.items()
    ]  # fmt: skip
    heads = ["stretch", "records", "n", "beats", "FN", "FP", "Se %", "+P %", "F1 %", "avg Se", "avg +P", "avg F1"]
    return Grid(f"QRS, {stage}: gross over beats, and averaged over records; 150 ms window", heads, rows, 2)


def _timing(stages: Mapping[str, StageFigures]) -> Grid:
    heads = ["stage", "delay ms", "95 %", "99 %", "R error ms", "95 %", "mean"]
    rows = [[stage, *spread_cells(f.delay_ms), *error_cells(f.errors_ms)] for stage, f in stages.items()]
    title = "Delay from the R peak to the decision; error of the R peak: median and 95 % of its size, signed mean"
    return Grid(title, heads, rows)


def _class_cells(figures: ClassFigures) -> list[str]:
    shares = (figures.se, figures.p, figures.f1)
    return [*(percent(share, 1) for share in shares), percent(figures.fpr), percent(figures.p_ec57, 1)]


def _classes(classes: Mapping[str, Mapping[str, Mapping[str, ClassFigures]]]) -> Grid:
    immediate, revised = (classes[labelling] for labelling in _LABELLINGS)
    rows = [
        [title, name, str(figures.beats), *_class_cells(figures), *_class_cells(revised[title][name])]
        for title, by_class in immediate.items()
        for name, figures in by_class.items()
        if figures.beats + figures.fp + revised[title][name].fp
    ]
    each = ("Se", "+P", "F1", "FPR", "+P*")
    heads = ["records", "", "beats", *(f"{short} {head}" for short in ("now", "rev.") for head in each)]
    note = "* EC57 forgives a fusion or unclassifiable beat taken for V, and an unclassifiable one taken for S."
    title = "Classes end to end, in %: immediate (now) and revised (rev.)"
    return Grid(title, heads, rows, 2, [note])


def _confusion(labelling: str, counts: Sequence[Sequence[int]]) -> Grid:
    rows = [[name, *(str(n) for n in row)] for name, row in zip(SIDES, counts, strict=True)]
    return Grid(f"DS2, {labelling}: rows the reference, columns the engine", ["", *SIDES], rows)


def _records(records: Mapping[str, RecordFigures]) -> Grid:
    rows = []
    for name, f in records.items():
        place = error_cells(f.errors_ms)
        classes = [
            f"{c.beats}: {percent(c.se, 1)} {percent(c.p, 1)}" if c.beats + c.fp else "-"
            for c in (labelling[letter] for letter in "SV" for labelling in (f.immediate, f.revised))
        ]
        cells = [str(f.qrs.beats), str(f.qrs.fn), str(f.qrs.fp), percent(f.qrs.se), percent(f.qrs.p)]
        early = [percent(f.provisional.se), percent(f.provisional.p)]
        rows.append([name, *cells, *early, spread_cells(f.delay_ms)[0], place[0], place[2], *classes])
    heads = ["record", "beats", "FN", "FP", "Se %", "+P %", "prov. Se", "+P", "delay", "R err", "mean"]
    title = "Each record, whole, flutter not counted; times in ms; S and V: beats, Se, +P"
    return Grid(title, [*heads, "S now", "S revised", "V now", "V revised"], rows)


def _cross_check(checks: Mapping[str, CrossCheck]) -> Grid:
    differ = [[name, str(c.tp), str(c.fn), str(c.fp)] for name, c in checks.items() if c.tp or c.fn or c.fp]
    note = f"{len(checks) - len(differ)} of {len(checks)} records counted alike."
    if differ:
        note += (
            " Where they differ, beats lie closer together than twice the window: wfdb goes through them in order and"
            " does not return to a beat passed over; here the nearest pair is taken first."
        )
    title = "Our counts less those of wfdb's compare_annotations, whole records, flutter counted"
    return Grid(title, ["record", "TP", "FN", "FP"], differ, notes=[note])


def _lookahead(points: Iterable[LookaheadPoint]) -> Grid:
    rows = [
        [
            f"{p.lookahead_ms:.0f}{' shipped' if p.shipped else ''}",
            *(str(n) for n in (p.qrs.fn, p.qrs.fp)), *qrs_cells(p.qrs), *spread_cells(p.delay_ms),
        ]
        for p in points
    ]  # fmt: skip
    heads = ["look-ahead ms", "FN", "FP", "Se %", "+P %", "F1 %", "delay ms", "95 %", "99 %"]
    return Grid("The QRS network and its decoder alone, by look-ahead, flutter not counted", heads, rows)


def _cost(costs: Iterable[NetworkCost]) -> Grid:
    rows = [
        [
            c.network, str(c.batch), "a beat" if c.block_ms is None else f"{c.block_ms:.0f}", f"{c.run_ms:.3f}",
            f"{c.stream_seconds_per_second:,.0f}",
        ]
        for c in costs
    ]  # fmt: skip
    heads = ["network", "batch", "block ms", "ms a run", "stream seconds a second"]
    return Grid("The networks alone, one core, ONNX Runtime with one thread; 1.3 beats a second", heads, rows)


def _peers(peers: Mapping[str, PeerFigures], absent: Sequence[str]) -> Grid:
    rows = []
    for name, f in peers.items():
        q = f.sets["all records"]
        figures = [f.leads, str(q.fn), str(q.fp), *qrs_cells(q), percent(q.average_f1), *error_cells(f.errors_ms)]
        rows.append([name, *figures, spread_cells(f.delay_ms)[0], f"{f.times_real_time:.0f}"])
    heads = ["detector", "leads", "FN", "FP", "Se %", "+P %", "F1 %", "avg F1", "R err", "95 %", "mean"]
    title = "Peers on the same records, flutter not counted, one thread; times in ms"
    return Grid(title, [*heads, "delay", "x real time"], rows, notes=peer_notes(peers, absent))


def peer_notes(peers: Mapping[str, Detector], absent: Sequence[str]) -> list[str]:
    """Say what each detector is and how it works, and which were not there."""
    notes = [f"{name}: {f.package}; {f.timing}." for name, f in peers.items()]
    if absent:
        notes.append(f'Not installed: {", ".join(absent)}; pip install "heartwire[peers]" brings them.')
    return notes
