"""The rhythms of mitdb that show in the pattern of the beats, as the engine tells them: by episode and duration."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec
from rich.progress import Progress

from heartwire.benchmarks.accuracy.annotated import records_in
from heartwire.benchmarks.accuracy.engine_rhythms import run_rhythms
from heartwire.benchmarks.accuracy.grid import Grid, percent
from heartwire.benchmarks.accuracy.rhythm_score import RhythmScore, score_rhythm, together
from heartwire.benchmarks.accuracy.vf import spans
from heartwire.benchmarks.environment import environment
from heartwire.models.ecg.recordings import DS1, DS2, PACED, rhythm_changes

LABELS = ("B", "T", "IVR", "SVTA", "VT", "P", "AFIB", "BII")
SETS = {"DS1": DS1, "DS2": DS2, "paced": PACED}
LEAST_S = {"B": 5.0, "T": 6.0, "IVR": 5.0, "SVTA": 3.0, "VT": 3.0, "P": 30.0, "AFIB": 30.0, "BII": 30.0}
"""Shorter annotated episodes need not be found: a pattern takes some beats to show."""
_COUNTED = (
    "COUPLET",
    "R_ON_T",
    "PVC_RATE",
    "MISSED_BEAT",
    "AF",
    "SVT",
    "BIGEMINY",
    "TRIGEMINY",
    "IDIOVENTRICULAR",
    "NOT_CAPTURING",
    "AV_BLOCK",
)


class RhythmsResult(msgspec.Struct, kw_only=True):
    """The whole evaluation: by set of records and label, and how often each condition was raised in each set."""

    environment: dict[str, str]
    sets: dict[str, dict[str, RhythmScore]]
    per_record: dict[str, dict[str, RhythmScore]]
    alarms: dict[str, dict[str, int]]
    hours: dict[str, float]


def evaluate(data: Path, progress: Progress, *, records: list[str]) -> RhythmsResult:
    """Run the records of mitdb under `data`.

    Raises
    ------
    SourceError
        If there are none.
    """
    paths = records_in(data / "mitdb", "*.hea", records)
    per_record: dict[str, dict[str, RhythmScore]] = {}
    alarms: dict[str, dict[str, int]] = {}
    hours: dict[str, float] = {}
    for record in progress.track(paths, description="rhythms"):
        told, changes = run_rhythms(record), rhythm_changes(record)
        title = next((title for title, names in SETS.items() if record.name in names), "")
        hours[title] = hours.get(title, 0.0) + told.length_s / 3600.0
        for label in LABELS:
            annotated = spans(changes, told.length_s, frozenset({label}))
            # Of block an alarm tells, no rhythm.
            stretches = told.alarmed("AV_BLOCK") if label == "BII" else told.of(label)
            score = score_rhythm(annotated, *stretches, told.length_s, least_s=LEAST_S[label])
            if score.annotated_s or score.told_s:
                per_record.setdefault(record.name, {})[label] = score
        raised = alarms.setdefault(title, dict.fromkeys(_COUNTED, 0))
        for condition, change, _, _ in told.alarms:
            if change == "on" and condition in raised:
                raised[condition] += 1
    sets = {
        title: {
            label: together(each[label] for name, each in per_record.items() if name in names and label in each)
            for label in LABELS
        }
        for title, names in SETS.items()
    }
    return RhythmsResult(environment=environment(), sets=sets, per_record=per_record, alarms=alarms, hours=hours)


def tables(result: RhythmsResult) -> Iterable[Grid]:
    """Show records and sets."""
    heads = ["", "rhythm", "Se % (time)", "+P % (time)", "found", "right", "annotated min"]
    for title, by_name in (("Rhythms by record", result.per_record), ("Rhythms by set, gross", result.sets)):
        rows = [
            [name, label, percent(s.duration_sensitivity), percent(s.duration_predictivity),
             f"{s.found}/{s.episodes}", f"{s.right}/{s.calls}", f"{s.annotated_s / 60:.1f}"]
            for name, scores in by_name.items()
            for label, s in scores.items()
            if s.annotated_s or s.told_s
        ]  # fmt: skip
        least = ", ".join(f"{label} {seconds:g}" for label, seconds in LEAST_S.items())
        yield Grid(title, heads, rows, n_names=2, notes=[f"Episodes asked for last at least, in seconds: {least}."])
    rows = [
        [condition, *(f"{raised[condition] / result.hours[title]:.1f}" for title, raised in result.alarms.items())]
        for condition in _COUNTED
    ]
    yield Grid("Alarms an hour", ["", *result.alarms], rows)
