"""The engine on vfdb: every record with the network of the fold that tests it, alarms against annotated episodes.

False alarms are counted as well on records with few or no episodes: MIT-BIH and normal sinus rhythm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import wfdb
from rich.progress import Progress
from rich.table import Table

from heartwire.benchmarks.accuracy.vf import Alarm, EpisodeScore, score_alarms, summarise
from heartwire.benchmarks.accuracy.vf_windows import WindowCounts, added, window_table, windows_of_record
from heartwire.engine import registry
from heartwire.engine.errors import SourceError
from heartwire.engine.messages import AlarmEvent, Finding
from heartwire.engine.processor import Processor
from heartwire.models.ecg.recordings import DS1, DS2, rhythm_changes
from heartwire.models.ecg.rhythm_windows import FOLDS

_MESSAGE_MS = 1000
_NSRDB = ("16795", "17052", "19088")


class VfFigures(msgspec.Struct, kw_only=True):
    """Alarms over a set of records.

    Delays are over the episodes alarmed afresh, not those into which an alarm was `carried` from before; false alarms
    are counted by the hour of other rhythm, those in stretches annotated as noise apart.
    """

    episodes: int
    alarmed: int
    carried: int
    alarmed_share: float
    median_delay_s: float | None
    p95_delay_s: float | None
    false_alarms: int
    false_per_hour: float
    alarms_in_noise: int
    other_hours: float


class VfResult(msgspec.Struct, kw_only=True):
    """The whole evaluation."""

    sets: dict[str, VfFigures]
    per_record: dict[str, VfFigures]
    windows: dict[str, WindowCounts]


def findings(record: Path, processor: Processor) -> Iterator[Finding]:
    """Run a record through a processor."""
    source = registry.source("evaluation", {"kind": "wfdb", "record": str(record), "message_ms": _MESSAGE_MS})
    for item in source.open():
        yield from processor.process(item)


def ventricular_alarms(found: Iterable[Finding], rate_hz: float, end_s: float) -> list[Alarm]:
    """Give when VT or VF alarms were on."""
    on: dict[str, float] = {}
    alarms = []
    for finding in found:
        if not isinstance(finding, AlarmEvent) or finding.condition not in ("VT", "VF"):
            continue
        at_s = finding.decision_sample / rate_hz
        if finding.change == "on":
            on[finding.condition] = at_s
        elif finding.change in ("off", "latched"):
            alarms.append(Alarm(on.pop(finding.condition), at_s))
    alarms.extend(Alarm(begin_s, end_s) for begin_s in on.values())
    return sorted(alarms)


def score_record(record: Path, processor: Processor) -> EpisodeScore:
    """Score the alarms of one record."""
    header = wfdb.rdheader(str(record))
    end_s = float(header.sig_len / header.fs)
    return score_alarms(
        rhythm_changes(record) or [(0.0, "N")], end_s, ventricular_alarms(findings(record, processor), header.fs, end_s)
    )


def figures(scores: Iterable[EpisodeScore]) -> VfFigures:
    """Add up records."""
    s = summarise(list(scores))
    afresh = s.n_alarmed > s.n_carried
    return VfFigures(
        episodes=s.n_episodes,
        alarmed=s.n_alarmed,
        carried=s.n_carried,
        alarmed_share=s.alarmed_share,
        median_delay_s=s.median_delay_s if afresh else None,
        p95_delay_s=s.p95_delay_s if afresh else None,
        false_alarms=s.false_alarms,
        false_per_hour=s.false_per_hour,
        alarms_in_noise=s.in_noise,
        other_hours=s.other_hours,
    )


def evaluate(data: Path, progress: Progress) -> VfResult:
    """Run every record of vfdb, mitdb and nsrdb under `data`.

    Raises
    ------
    SourceError
        If the folder holds no vfdb records.
    """
    if not (data / "vfdb" / "418.hea").is_file():
        msg = f"no vfdb records in {data}: give the folder that holds vfdb, mitdb and nsrdb with --data"
        raise SourceError(msg)
    work: list[tuple[str, Path, str]] = []
    for fold, names in enumerate(FOLDS):
        work += [("vfdb (folds)", data / "vfdb" / name, f"folds/ecg-vf-{fold}") for name in names]
    for title, names in (("mitdb DS1 (trained on)", DS1), ("mitdb DS2", DS2)):
        work += [(title, data / "mitdb" / name, "ecg-vf") for name in names]
    work += [("nsrdb (unseen)", data / "nsrdb" / name, "ecg-vf") for name in _NSRDB]
    scores: dict[str, EpisodeScore] = {}
    windows: list[dict[str, WindowCounts]] = []
    sets: dict[str, list[EpisodeScore]] = {}
    for title, record, model in progress.track(work, description="alarming"):
        if not record.with_suffix(".hea").is_file():
            continue
        if model.startswith("folds/"):
            windows.append(windows_of_record(record, model))
        score = score_record(record, registry.processor("ecg", "evaluation", {"vf_model": model}))
        scores[f"{record.parent.name}/{record.name}"] = score
        sets.setdefault(title, []).append(score)
    ordered = dict(sorted(scores.items()))
    return VfResult(
        sets={title: figures(each) for title, each in sets.items()},
        per_record={name: figures([score]) for name, score in ordered.items()},
        windows=added(windows),
    )


def tables(result: VfResult) -> Iterable[Table]:
    """Show records and sets: delays from onset to decision, false alarms by the hour of other rhythm."""
    heads = ("alarmed", "carried", "median s", "p95 s", "false", "an hour", "noise", "hours")
    for title, rows in (
        ("VT and VF alarms, records with episodes or alarms", result.per_record),
        ("VT and VF alarms, episodes of 5 s or more", result.sets),
    ):
        table = Table(title=title, box=None, padding=(0, 1, 0, 0))
        table.add_column("set" if rows is result.sets else "record", no_wrap=True)
        for head in heads:
            table.add_column(head, justify="right", no_wrap=True)
        for name, f in rows.items():
            delays = ["-" if delay is None else f"{delay:.1f}" for delay in (f.median_delay_s, f.p95_delay_s)]
            if rows is result.per_record and not f.episodes + f.false_alarms + f.alarms_in_noise:
                continue
            table.add_row(
                name, f"{f.alarmed}/{f.episodes}", str(f.carried), *delays, str(f.false_alarms),
                f"{f.false_per_hour:.2f}", str(f.alarms_in_noise), f"{f.other_hours:.2f}",
            )  # fmt: skip
        yield table
    yield window_table(result.windows)
