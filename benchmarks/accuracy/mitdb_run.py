"""The engine on the MIT-BIH Arrhythmia Database: annotate every record, then score the annotation files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import numpy as np
import wfdb
from rich.progress import Progress
from rich.table import Table

from heartwire.benchmarks.accuracy.mitdb import CLASSES, BeatScore, gross, score_beats
from heartwire.engine import registry
from heartwire.engine.errors import SourceError
from heartwire.engine.offline import analyse
from heartwire.models.ecg.recordings import AAMI, DS1, DS2, PACED

_ANNOTATOR = "hw"


class Figures(msgspec.Struct, kw_only=True):
    """Gross figures over a set of records; shares in 0..1, times in ms."""

    records: int
    beats: int
    qrs_se: float
    qrs_p: float
    r_error_median_ms: float
    classes: dict[str, dict[str, float]]


class MitdbResult(msgspec.Struct, kw_only=True):
    """The whole evaluation."""

    sets: dict[str, Figures]
    per_record: dict[str, Figures]
    real_time_factor: float


def annotate_all(folder: Path, out: Path, progress: Progress) -> float:
    """Annotate every record of the database through the engine; give the speed in times real time.

    Raises
    ------
    SourceError
        If the folder holds no records.
    """
    records = sorted(p.with_suffix("") for p in folder.glob("???.hea"))
    if not records:
        msg = f"no MIT-BIH records in {folder}: give the folder that holds mitdb with --data"
        raise SourceError(msg)
    signal_s = work_s = 0.0
    for record in progress.track(records, description="annotating"):
        begin_s = time.perf_counter()
        tables = ({"kind": "wfdb", "out": str(out), "annotator": _ANNOTATOR}, {"kind": "warnings", "out": str(out)})
        sinks = [registry.sink(table).open() for table in tables]
        source = registry.source(record.name, {"kind": "wfdb", "record": str(record)})
        report = analyse(source, registry.processor("ecg", record.name, {}), sinks)
        for sink in sinks:
            sink.close()
        work_s += time.perf_counter() - begin_s
        signal_s += report.offered / wfdb.rdheader(str(record)).fs
    return signal_s / work_s


def score_record(reference: Path, annotated: Path, *, flutter_counts: bool) -> BeatScore:
    """Score one record's annotation file against the reference.

    Parameters
    ----------
    reference, annotated
        Records without suffix; `.atr` and `.hw` are read.
    flutter_counts
        Whether detections within marked ventricular flutter (record 207) count as false.
    """
    fs = wfdb.rdheader(str(reference)).fs
    truth = wfdb.rdann(str(reference), "atr")
    found = wfdb.rdann(str(annotated), _ANNOTATOR)
    true_beats = [(s / fs, AAMI[c]) for s, c in zip(truth.sample, truth.symbol, strict=True) if c in AAMI]
    found_beats = [(s / fs, c) for s, c in zip(found.sample, found.symbol, strict=True) if c in CLASSES]
    begins = [s / fs for s, c in zip(truth.sample, truth.symbol, strict=True) if c == "["]
    ends = [s / fs for s, c in zip(truth.sample, truth.symbol, strict=True) if c == "]"]
    flutter = [] if flutter_counts else list(zip(begins, ends, strict=False))
    return score_beats(
        np.array([t for t, _ in true_beats]),
        [c for _, c in true_beats],
        np.array([t for t, _ in found_beats]),
        [c for _, c in found_beats],
        left_out_s=flutter,
    )


def figures(scores: Mapping[str, BeatScore], names: Iterable[str]) -> Figures:
    """Summarise the records named."""
    chosen = {name: scores[name] for name in names if name in scores}
    total = gross(chosen)
    errors_s = np.abs(total.errors_s)
    classes = {}
    for name in CLASSES:
        s = total.of_class(name)
        beats = s.true_positive + s.false_negative
        classes[name] = {"beats": beats, "se": s.sensitivity, "p": s.predictivity, "f1": s.f1}
    return Figures(
        records=len(chosen),
        beats=total.qrs.true_positive + total.qrs.false_negative,
        qrs_se=total.qrs.sensitivity,
        qrs_p=total.qrs.predictivity,
        r_error_median_ms=float(np.median(errors_s) * 1e3) if len(errors_s) else float("nan"),
        classes=classes,
    )


def evaluate(data: Path, out: Path, progress: Progress) -> MitdbResult:
    """Annotate into `out`, then score."""
    folder = data / "mitdb"
    speed = annotate_all(folder, out, progress)
    names = sorted(p.stem for p in folder.glob("???.hea"))
    left_out = {n: score_record(folder / n, out / n, flutter_counts=False) for n in names}
    whole = {n: score_record(folder / n, out / n, flutter_counts=True) for n in names}
    return MitdbResult(
        sets={
            "all, flutter of 207 not counted": figures(left_out, names),
            "all, whole records": figures(whole, names),
            "DS1 (training)": figures(left_out, DS1),
            "DS2 (test)": figures(left_out, DS2),
            "DS2 without 232": figures(left_out, [n for n in DS2 if n != "232"]),
            "paced": figures(left_out, PACED),
        },
        per_record={n: figures(left_out, [n]) for n in names},
        real_time_factor=speed,
    )


def tables(result: MitdbResult) -> Iterable[Table]:
    """Show sets and records."""
    heads = ("records", "beats", "QRS Se %", "QRS +P %", "R error ms", *(f"{c} Se/+P/F1" for c in "SVF"))
    for title, rows in (("Each record", result.per_record), ("Gross, 150 ms window, whole records", result.sets)):
        table = Table("set" if rows is result.sets else "record", *heads, title=title)
        for name, f in rows.items():
            classes = [f.classes[c] for c in "SVF"]
            shown = [f"{c['se']:.3f}/{c['p']:.3f}/{c['f1']:.3f}" if c["beats"] else "-" for c in classes]
            table.add_row(
                name, str(f.records), str(f.beats), f"{100 * f.qrs_se:.2f}", f"{100 * f.qrs_p:.2f}",
                f"{f.r_error_median_ms:.1f}", *shown,
            )  # fmt: skip
        yield table
