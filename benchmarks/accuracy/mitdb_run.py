"""The engine on the MIT-BIH Arrhythmia Database: every record in process, scored as ANSI/AAMI EC57 has it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from rich.progress import Progress

from heartwire.benchmarks.accuracy.annotated import Annotated, read_annotated, records_in
from heartwire.benchmarks.accuracy.beat_figures import class_figures, errors, qrs_figures, record_sets, spread
from heartwire.benchmarks.accuracy.beat_score import CLASSES, Beats, BeatScore, Milliseconds, score_beats
from heartwire.benchmarks.accuracy.engine_beats import EngineBeats, run_engine
from heartwire.benchmarks.accuracy.lookahead import LookaheadCurve
from heartwire.benchmarks.accuracy.mitdb_result import (
    LEARNED,
    WHOLE,
    WITH_FLUTTER,
    CrossCheck,
    Histogram,
    MitdbResult,
    RecordFigures,
    StageFigures,
)
from heartwire.benchmarks.accuracy.network_cost import network_costs
from heartwire.benchmarks.accuracy.peer_run import begin_runs, run_peers
from heartwire.benchmarks.accuracy.peers import installed_peers
from heartwire.benchmarks.environment import environment
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.models.ecg.matching import WINDOW_S, pairs_of_wfdb, window_samples

TEST = "DS2 (test)"
_STAGES = ("provisional", "confirmed")
_SAMPLE_MS = 1e3 / 360.0
_DELAY_EDGES = (np.arange(0, 221, 2) - 0.5) * _SAMPLE_MS
_ERROR_EDGES = (np.arange(-22, 24) - 0.5) * _SAMPLE_MS
"""Bins of one or two samples of the database, its samples in their middle."""


@dataclass
class _Scores:
    """Scores by stage, then by regime, then by record."""

    by_stage: dict[str, dict[str, dict[str, BeatScore]]] = field(default_factory=dict)
    cross_check: dict[str, CrossCheck] = field(default_factory=dict)
    references: dict[str, Annotated] = field(default_factory=dict)
    signal_s: float = 0.0
    work_s: float = 0.0

    def add(self, reference: Annotated, found: EngineBeats) -> None:
        """Score a record every way."""
        name = reference.name
        self.references[name] = reference
        self.signal_s += found.signal_s
        self.work_s += found.work_s
        regimes: dict[str, list[tuple[float, float]]] = {
            WHOLE: reference.flutter,
            LEARNED: [reference.learning, *reference.flutter],
            WITH_FLUTTER: [],
        }
        stages = {"provisional": found.provisional, "confirmed": found.confirmed, "revised": found.final}
        for stage, beats in stages.items():
            for regime, left_out in regimes.items():
                score = score_beats(reference.beats, beats, reference.rate_hz, left_out=left_out)
                self.by_stage.setdefault(stage, {}).setdefault(regime, {})[name] = score
        self.cross_check[name] = cross_check(
            reference.beats, found.confirmed, reference.rate_hz, self.by_stage["confirmed"][WITH_FLUTTER][name]
        )

    def told(self, stage: str) -> bool:
        """Whether there is any beat of a stage; confirmed ones are always accounted for."""
        return stage == "confirmed" or any(
            s.confusion[:, :-1].any() for s in self.by_stage[stage][WITH_FLUTTER].values()
        )

    def total(self, stage: str, names: Sequence[str]) -> BeatScore:
        """Add up records, flutter not counted."""
        return BeatScore.total(self.by_stage[stage][WHOLE][name] for name in names)


def cross_check(reference: Beats, found: Beats, rate_hz: float, ours: BeatScore) -> CrossCheck:
    """Count once more as the wfdb package does, and give our counts less its."""
    pairs = pairs_of_wfdb(reference.samples, found.samples, window=window_samples(rate_hz))
    return CrossCheck(
        tp=ours.qrs.true_positive - pairs,
        fn=ours.qrs.false_negative - (len(reference.samples) - pairs),
        fp=ours.qrs.false_positive - (len(found.samples) - pairs),
    )


def histogram(values: Milliseconds, edges: np.ndarray) -> Histogram:
    """Count values between edges, those outside in the outermost bins."""
    inside = np.clip(values, edges[0], np.nextafter(edges[-1], edges[0]))
    return Histogram(edges=edges.tolist(), counts=np.histogram(inside, edges)[0].tolist())


def _stage_figures(scores: _Scores, stage: str, sets: Mapping[str, Sequence[str]]) -> StageFigures:
    total = scores.total(stage, list(scores.references))
    return StageFigures(
        qrs={
            regime: {title: qrs_figures(each[n] for n in names) for title, names in sets.items()}
            for regime, each in scores.by_stage[stage].items()
        },
        delay_ms=spread(total.delays_ms),
        errors_ms=errors(total.errors_ms),
        delays=histogram(total.delays_ms, _DELAY_EDGES),
        errors=histogram(total.errors_ms, _ERROR_EDGES),
    )


def _record_figures(scores: _Scores, name: str) -> RecordFigures:
    provisional, confirmed, revised = (
        scores.by_stage[stage][WHOLE][name] for stage in ("provisional", "confirmed", "revised")
    )
    return RecordFigures(
        qrs=qrs_figures([confirmed]),
        provisional=qrs_figures([provisional]),
        delay_ms=spread(confirmed.delays_ms),
        errors_ms=errors(confirmed.errors_ms),
        immediate=class_figures(confirmed),
        revised=class_figures(revised),
    )


def _count_beats(references: Mapping[str, Annotated], names: Sequence[str]) -> dict[str, int]:
    counts = sum((np.bincount(references[n].beats.classes, minlength=5) for n in names), np.zeros(5, np.int64))
    return dict(zip(CLASSES, counts.tolist(), strict=True))


def evaluate(
    data: Path, progress: Progress, *, records: Sequence[str] = (), peers: bool = True, keep: Path | None = None
) -> MitdbResult:
    """Run the engine, its look-ahead curve, its networks alone and the peers.

    Parameters
    ----------
    data
        Folder that holds `mitdb`.
    progress
        To show how far it is.
    records
        Those to take; empty: all.
    peers
        Whether to run the peers that are installed.
    keep
        Folder for the engine's annotations.

    Raises
    ------
    SourceError
        If the folder holds no records, or not those wanted.
    """
    paths = records_in(data / "mitdb", "???.hea", list(records))
    here, absent = installed_peers()
    runs = begin_runs(here) if peers else {}
    curve = LookaheadCurve()
    scores = _Scores()
    task = progress.add_task("records", total=len(paths))
    for path in paths:
        progress.update(task, description=f"{path.name} engine")
        reference = read_annotated(path)
        found = run_engine(path, keep=keep)
        scores.add(reference, found)
        curve.add(path, reference)
        if peers:
            for name in run_peers(path, reference, found, here, runs):
                progress.update(task, description=f"{path.name} {name}")
        progress.advance(task)
    progress.update(task, description="networks alone")
    names = list(scores.references)
    sets = record_sets(names)
    test = sets.get(TEST, [])
    labellings = {"immediate": "confirmed", "revised": "revised"}
    settings = EcgSettings()
    return MitdbResult(
        environment=environment(),
        window_ms=WINDOW_S * 1e3,
        records=names,
        beats={title: _count_beats(scores.references, members) for title, members in sets.items()},
        stages={stage: _stage_figures(scores, stage, sets) for stage in _STAGES if scores.told(stage)},
        classes={
            labelling: {title: class_figures(scores.total(stage, members)) for title, members in sets.items()}
            for labelling, stage in labellings.items()
        },
        confusion={labelling: scores.total(stage, test).confusion.tolist() for labelling, stage in labellings.items()},
        per_record={name: _record_figures(scores, name) for name in names},
        cross_check=scores.cross_check,
        lookahead=curve.points(),
        costs=list(network_costs((settings.qrs_model, settings.beat_model))),
        peers={name: run.figures(sets) for name, run in runs.items()},
        peers_absent=absent if peers else [],
        times_real_time=scores.signal_s / scores.work_s if scores.work_s else 0.0,
    )
