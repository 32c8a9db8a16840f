"""False alarms by the patient-day, on sinus rhythm (nsrdb) and on MIT-BIH, each alarm judged by the annotations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import wfdb
from rich.progress import Progress

from heartwire.benchmarks.accuracy.false_alarms import (
    VENTRICULAR,
    EpisodeCounts,
    Reference,
    ToldAlarm,
    told_alarms,
    ventricular_spans,
)
from heartwire.benchmarks.accuracy.grid import Grid, percent
from heartwire.benchmarks.accuracy.vf import spans
from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.page import facts, page
from heartwire.benchmarks.plots import Axis, bars
from heartwire.engine import registry
from heartwire.engine.errors import SourceError
from heartwire.engine.messages import AlarmEvent
from heartwire.models.ecg.recordings import AAMI, DS1, DS2, PACED, rhythm_changes

_DAY_S = 86_400.0
_ASYSTOLE_S = 4.0
_RUN_BEATS = 3
_MESSAGE_MS = 10_000
_PRIORITIES = ("high", "medium", "low")
_SEEN = {"nsrdb": "tuned on", "mitdb DS1": "tuned on", "mitdb paced": "spikes and pace rule settled on it"}


class SetFigures(msgspec.Struct, kw_only=True):
    """Records that belong together: how long they are, their alarms by priority and condition, their episodes.

    `unjudged` counts the alarms that no annotation can judge: they are neither false nor true. `tachycardia` are
    the episodes of ventricular tachycardia and fibrillation (alarms VT and VF), `runs` those of three ventricular beats
    or more (V_RUN too).
    """

    records: list[str]
    days: float
    false: dict[str, dict[str, int]]
    true: dict[str, dict[str, int]]
    unjudged: dict[str, int]
    tachycardia: EpisodeCounts
    runs: EpisodeCounts

    def false_a_day(self, priority: str) -> float:
        """Give the false alarms of a priority by the patient-day."""
        return sum(self.false.get(priority, {}).values()) / self.days if self.days else 0.0


class FalseAlarmsResult(msgspec.Struct, kw_only=True):
    """The whole evaluation; `listed` are the false alarms of high priority in records that have no such episode."""

    environment: dict[str, str]
    sets: dict[str, SetFigures]
    quiet: dict[str, SetFigures]
    """The same sets without the records in which a ventricular rhythm or asystole is annotated."""
    listed: list[ToldAlarm]


def read_reference(record: Path) -> Reference:
    """Read what is annotated of a record; in nsrdb some stretches are not."""
    header = wfdb.rdheader(str(record))
    marks = wfdb.rdann(str(record), "atr")
    rate_hz, seconds = float(header.fs), float(header.sig_len / header.fs)
    rhythms = rhythm_changes(record)
    ventricular = [(span.begin_s, span.end_s) for span in spans(rhythms, seconds, frozenset(VENTRICULAR))]
    since_s: float | None = None
    for sample, symbol in zip(marks.sample, marks.symbol, strict=True):
        if symbol == "[":
            since_s = float(sample / rate_hz)
        elif symbol == "]" and since_s is not None:
            ventricular.append((since_s, float(sample / rate_hz)))
            since_s = None
    if since_s is not None:
        ventricular.append((since_s, seconds))
    beats = [(s / rate_hz, AAMI[c]) for s, c in zip(marks.sample, marks.symbol, strict=True) if c in AAMI]
    return Reference(
        name=record.name,
        seconds=seconds,
        beats_s=np.array([at_s for at_s, _ in beats]),
        labels="".join(label for _, label in beats),
        ventricular=ventricular,
        complete=record.parent.name != "nsrdb",
        rhythms=rhythms,
    )


def alarms_of(record: Path) -> tuple[list[AlarmEvent], float]:
    """Run the engine with its shipped settings; give the changes of alarms and the record's rate."""
    source = registry.source(record.name, {"kind": "wfdb", "record": str(record), "message_ms": _MESSAGE_MS})
    processor = registry.processor("ecg", record.name, {})
    events = [f for item in source.open() for f in processor.process(item) if isinstance(f, AlarmEvent)]
    return events, float(wfdb.rdheader(str(record)).fs)


def is_quiet(reference: Reference) -> bool:
    """Tell whether neither a ventricular rhythm nor asystole is annotated."""
    rr = reference.intervals_s(0, len(reference.beats_s))
    return not reference.ventricular and not ventricular_spans(reference) and not (len(rr) and rr.max() >= _ASYSTOLE_S)


def figures(scored: Sequence[tuple[Reference, list[ToldAlarm]]]) -> SetFigures:
    """Add up records."""
    counts: dict[bool, dict[str, Counter[str]]] = {True: {}, False: {}}
    unjudged: Counter[str] = Counter()
    tachycardia, runs = EpisodeCounts(), EpisodeCounts()
    for reference, alarms in scored:
        for alarm in alarms:
            if alarm.true is None:
                unjudged[alarm.condition] += 1
            else:
                counts[alarm.true].setdefault(alarm.priority, Counter())[alarm.condition] += 1
        fast = [(a.onset_s, a.end_s) for a in alarms if a.condition in ("VT", "VF")]
        short = [(a.onset_s, a.end_s) for a in alarms if a.condition == "V_RUN"]
        tachycardia.add(ventricular_spans(reference), fast)
        runs.add(ventricular_spans(reference, _RUN_BEATS, 0.0), [*fast, *short])
    return SetFigures(
        records=[reference.name for reference, _ in scored],
        days=sum(reference.seconds for reference, _ in scored) / _DAY_S,
        false={priority: dict(by.most_common()) for priority, by in counts[False].items()},
        true={priority: dict(by.most_common()) for priority, by in counts[True].items()},
        unjudged=dict(unjudged.most_common()),
        tachycardia=tachycardia,
        runs=runs,
    )


def evaluate(data: Path, progress: Progress) -> FalseAlarmsResult:
    """Run every record of nsrdb and mitdb under `data`.

    Raises
    ------
    SourceError
        If the folder holds neither.
    """
    sets = {
        "nsrdb": [path.with_suffix("") for path in sorted((data / "nsrdb").glob("*.hea"))],
        "mitdb DS1": [data / "mitdb" / name for name in DS1],
        "mitdb DS2": [data / "mitdb" / name for name in DS2],
        "mitdb paced": [data / "mitdb" / name for name in PACED],
    }
    work = [(title, path) for title, paths in sets.items() for path in paths if path.with_suffix(".hea").is_file()]
    if not work:
        msg = f"no records of nsrdb or mitdb in {data}: give the folder that holds them with --data"
        raise SourceError(msg)
    scored: dict[str, list[tuple[Reference, list[ToldAlarm]]]] = {}
    for title, path in progress.track(work, description="alarming"):
        reference = read_reference(path)
        scored.setdefault(title, []).append((reference, told_alarms(*alarms_of(path), reference)))
    quiet = {title: [(r, a) for r, a in each if is_quiet(r)] for title, each in scored.items()}
    listed = [
        a for each in quiet.values() for _, alarms in each for a in alarms if a.priority == "high" and a.true is False
    ]
    return FalseAlarmsResult(
        environment=environment(),
        sets={title: figures(each) for title, each in scored.items()},
        quiet={title: figures(each) for title, each in quiet.items()},
        listed=listed,
    )


def _by_condition(counts: dict[str, int]) -> str:
    return " ".join(f"{condition} {n}" for condition, n in counts.items()) or "-"


def _counted(title: str, sets: dict[str, SetFigures]) -> Grid:
    """Give a table of false alarms."""
    rows = []
    for name, f in sets.items():
        cells = [f"{name} ({_SEEN[name]})" if name in _SEEN else name, str(len(f.records)), f"{f.days * 24:.1f}"]
        for priority in _PRIORITIES:
            cells += [f"{f.false_a_day(priority):.2f}", _by_condition(f.false.get(priority, {}))]
        true: Counter[str] = sum((Counter(by) for by in f.true.values()), Counter())
        rows.append([*cells, _by_condition(true)])
    heads = ["set", "records", "hours", *(head for p in _PRIORITIES for head in (f"{p} a day", "which")), "true"]
    unjudged: Counter[str] = sum((Counter(f.unjudged) for f in sets.values()), Counter())
    note = f"Not judged by the annotations, neither false nor true: {_by_condition(unjudged)}"
    return Grid(title, heads, rows, notes=[note])


def tables(result: FalseAlarmsResult) -> list[Grid]:
    """Give every table, what is most asked for last."""
    episodes = [
        [
            name, what, f"{e.found}/{e.annotated}", f"{e.right}/{e.told}",
            percent(e.both_s / e.annotated_s if e.annotated_s else None, 1),
            percent(e.both_s / e.told_s if e.told_s else None, 1),
        ]
        for name, f in result.sets.items()
        for what, e in (("VT, VF", f.tachycardia), ("runs", f.runs))
    ]  # fmt: skip
    listed = [
        [a.record, a.condition, f"{a.decision_s:.1f}", f"{a.end_s - a.decision_s:.1f}", str(a.reason)[:90]]
        for a in result.listed
    ]
    heads = ["set", "what", "episodes Se", "episodes +P", "duration Se %", "duration +P %"]
    return [
        Grid("Episodes: VT and VF of 5 beats or more, runs of 3 ventricular beats or more", heads, episodes, n_names=2),
        _counted("False alarms by the patient-day, every record", result.sets),
        Grid(
            "False alarms of high priority, each", ["record", "alarm", "at s", "lasting s", "reason"], listed, n_names=2
        ),
        _counted("False alarms by the patient-day, records without VT, VF and asystole", result.quiet),
    ]


def false_alarms_page(result: FalseAlarmsResult) -> str:
    """Give the page."""
    high = {title: f.false_a_day("high") for title, f in result.quiet.items()}
    return page(
        "heartwire: false alarms",
        "<p>False alarms of high priority a patient-day, records without VT, VF and asystole.</p>"
        f"{bars(high, Axis('a day'))}"
        f"{''.join(grid.page() for grid in reversed(tables(result)))}<h2>Environment</h2>{facts(result.environment)}",
    )
