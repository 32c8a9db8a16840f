"""The figures of beats over a set of records: gross over all beats, and averaged over records.

Shares are in 0..1 and None where undefined; times are in ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
import numpy as np

from heartwire.benchmarks.accuracy.beat_score import CLASSES, BeatScore, Milliseconds, Score
from heartwire.models.ecg.recordings import DS1, DS2, PACED

FORGIVEN = {"V": "FQ", "S": "Q"}
"""EC57, as `bxb` counts: a fusion or unclassifiable beat taken for V, or an unclassifiable one for S, is not false."""
ONE_PATIENTS_S = "232"
"""The record that carries most S beats of DS2."""


class QrsFigures(msgspec.Struct, kw_only=True):
    """Detection, whatever the class."""

    records: int
    beats: int
    tp: int
    fn: int
    fp: int
    se: float | None
    p: float | None
    f1: float | None
    average_se: float | None
    average_p: float | None
    average_f1: float | None


class ClassFigures(msgspec.Struct, kw_only=True):
    """One class, end to end; the `ec57` figures forgive what EC57 forgives and are None where that is nothing."""

    beats: int
    tp: int
    fn: int
    fp: int
    se: float | None
    p: float | None
    f1: float | None
    fpr: float | None
    p_ec57: float | None = None
    fpr_ec57: float | None = None


class Spread(msgspec.Struct, kw_only=True):
    """How times are spread."""

    n: int
    median: float
    p95: float
    p99: float


class Errors(msgspec.Struct, kw_only=True):
    """Where the R peak is put, against the reference: late is positive."""

    median_abs: float
    p95_abs: float
    mean: float


def qrs_figures(scores: Iterable[BeatScore]) -> QrsFigures:
    """Summarise the detection of records."""
    each = [score.qrs for score in scores]
    gross = Score(
        sum(s.true_positive for s in each), sum(s.false_negative for s in each), sum(s.false_positive for s in each)
    )

    def average(figure: Callable[[Score], float | None]) -> float | None:
        values = [value for value in map(figure, each) if value is not None]
        return sum(values) / len(values) if values else None

    return QrsFigures(
        records=len(each),
        beats=gross.true_positive + gross.false_negative,
        tp=gross.true_positive,
        fn=gross.false_negative,
        fp=gross.false_positive,
        se=gross.sensitivity,
        p=gross.predictivity,
        f1=gross.f1,
        average_se=average(lambda s: s.sensitivity),
        average_p=average(lambda s: s.predictivity),
        average_f1=average(lambda s: s.f1),
    )


def class_figures(score: BeatScore) -> dict[str, ClassFigures]:
    """Give the figures of each class."""
    return {name: _of_class(score, name) for name in CLASSES}


def _of_class(score: BeatScore, name: str) -> ClassFigures:
    strict = score.of_class(name)
    others = score.other_detections(name)
    spared = score.of_class(name, forgiven=FORGIVEN[name]) if name in FORGIVEN else None

    def rate(false: int) -> float | None:
        return false / (false + others) if false + others else None

    return ClassFigures(
        beats=strict.true_positive + strict.false_negative,
        tp=strict.true_positive,
        fn=strict.false_negative,
        fp=strict.false_positive,
        se=strict.sensitivity,
        p=strict.predictivity,
        f1=strict.f1,
        fpr=rate(strict.false_positive),
        p_ec57=spared.predictivity if spared else None,
        fpr_ec57=rate(spared.false_positive) if spared else None,
    )


def spread(times_ms: Milliseconds) -> Spread | None:
    """Summarise delays; None where there are none."""
    if not len(times_ms):
        return None
    median, p95, p99 = (round(float(v), 3) for v in np.percentile(times_ms, (50, 95, 99)))
    return Spread(n=len(times_ms), median=median, p95=p95, p99=p99)


def errors(times_ms: Milliseconds) -> Errors | None:
    """Summarise errors of place; None where there are none."""
    if not len(times_ms):
        return None
    median, p95 = (round(float(v), 3) for v in np.percentile(np.abs(times_ms), (50, 95)))
    return Errors(median_abs=median, p95_abs=p95, mean=round(float(times_ms.mean()), 3))


def record_sets(names: Iterable[str]) -> dict[str, list[str]]:
    """Sort records of the MIT-BIH Arrhythmia Database into the sets of the field; sets without any are left out."""
    there = list(names)
    sets: Mapping[str, Iterable[str]] = {
        "all records": there,
        "not paced": [n for n in there if n not in PACED],
        "DS1 (training)": DS1,
        "DS2 (test)": DS2,
        f"DS2 without {ONE_PATIENTS_S}": [n for n in DS2 if n != ONE_PATIENTS_S],
        "paced": PACED,
    }
    chosen = {title: [n for n in members if n in there] for title, members in sets.items()}
    return {title: members for title, members in chosen.items() if members}
