"""The verdicts on the alarms of the PhysioNet/CinC Challenge 2015, cross-validated by record, real-time rule."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import msgspec
import numpy as np
from rich.progress import Progress

from heartwire.benchmarks.accuracy.cinc2015 import ChallengeCounts, by_definition
from heartwire.benchmarks.accuracy.grid import Grid
from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.page import facts, page
from heartwire.benchmarks.plots import Axis, bars, curves
from heartwire.engine.alarms.verification import KINDS
from heartwire.engine.errors import InputError

_SEEDS = (1, 2, 3)
_LEVELS = tuple(np.round(np.concatenate(([0.02, 0.05], np.arange(0.1, 0.95, 0.05))), 3).tolist())
WHOLE = "all"


class Verdicts(msgspec.Struct, kw_only=True):
    """One way of judging: what it gave by condition and in all, each repetition of the folds for itself."""

    by_condition: dict[str, list[ChallengeCounts]]

    def mean(self, condition: str) -> float:
        """Give the mean score over the repetitions."""
        return float(np.mean([counts.score for counts in self.by_condition[condition]]))


class Cinc2015Result(msgspec.Struct, kw_only=True):
    """The whole evaluation; `curve` is false and true alarms given, in %, by level, all repetitions together."""

    environment: dict[str, str]
    alarms: int
    folds: int
    least_truth: float
    verdicts: dict[str, Verdicts]
    curve: list[tuple[float, float]]
    missed: list[str]
    """True alarms withheld in most repetitions."""


def evaluate(data: Path, progress: Progress) -> Cinc2015Result:
    """Judge every alarm with a forest that has not seen its record.

    Raises
    ------
    InputError
        Without the training extra: the forests of the folds are fitted here.
    SourceError
        If the folder holds no challenge records.
    """
    if find_spec("sklearn") is None:
        msg = "evaluate cinc2015 fits a forest for each fold: pip install 'heartwire[train]'"
        raise InputError(msg)
    from heartwire.models.ecg.alarm_records import read_alarms
    from heartwire.models.ecg.train_alarms import FOLDS, LEAST_TRUTH, out_of_fold

    task = progress.add_task("alarms", total=None)
    alarms = read_alarms(data / "cinc2015", lambda name: progress.update(task, advance=1, description=f"alarms {name}"))
    truths = [out_of_fold(alarms, seed) for seed in _SEEDS]
    ways = {
        "definition": [by_definition(alarms.kinds, alarms.evidence)],
        "learned": [truth >= LEAST_TRUTH for truth in truths],
    }
    verdicts = {}
    for way, repetitions in ways.items():
        counts = {
            kind: [ChallengeCounts.of(alarms.true[of], given[of]) for given in repetitions]
            for kind, of in ((kind, alarms.kinds == number) for number, kind in enumerate(KINDS))
        }
        verdicts[way] = Verdicts(
            by_condition={**counts, WHOLE: [ChallengeCounts.of(alarms.true, given) for given in repetitions]}
        )
    pooled, true = np.concatenate(truths), np.tile(alarms.true, len(truths))
    curve = [ChallengeCounts.of(true, pooled >= level) for level in _LEVELS]
    withheld = np.mean([truth < LEAST_TRUTH for truth in truths], axis=0) > 0.5
    return Cinc2015Result(
        environment=environment(),
        alarms=len(alarms.records),
        folds=FOLDS,
        least_truth=LEAST_TRUTH,
        verdicts=verdicts,
        curve=[(100.0 - counts.tnr, counts.tpr) for counts in reversed(curve)],
        missed=[name for name, is_true, not_given in zip(alarms.records, alarms.true, withheld, strict=True)
                if is_true and not_given],
    )  # fmt: skip


def tables(result: Cinc2015Result) -> list[Grid]:
    """Give a table for each way of judging."""
    grids = []
    for way, verdicts in result.verdicts.items():
        rows = []
        for condition, repetitions in verdicts.by_condition.items():
            mean = [
                float(np.mean([getattr(c, n) for c in repetitions])) for n in ("tp", "tn", "fp", "fn", "tpr", "tnr")
            ]
            scores = [c.score for c in repetitions]
            rows.append([
                condition, *(f"{value:.1f}" for value in mean), f"{np.mean(scores):.2f}",
                f"{min(scores):.2f} to {max(scores):.2f}",
            ])  # fmt: skip
        n = len(verdicts.by_condition[WHOLE])
        title = (
            f"{way}: {result.alarms} alarms, {result.folds} folds by record, mean of {n} repetitions"
            if n > 1
            else f"{way}: the rule alone, nothing learned"
        )
        notes = [f"true alarms withheld: {' '.join(result.missed) or 'none'}"] if n > 1 else []
        heads = ["condition", "TP", "TN", "FP", "FN", "TPR %", "TNR %", "score", "scores"]
        grids.append(Grid(title, heads, rows, notes=notes))
    return grids


def challenge_page(result: Cinc2015Result) -> str:
    """Give the page."""
    learned = result.verdicts["learned"]
    scores = {condition: learned.mean(condition) for condition in learned.by_condition}
    return page(
        "heartwire on the alarms of the CinC Challenge 2015",
        f"<p>Score in per cent, nothing after second 120 used.</p>{bars(scores, Axis('score', 0.0, 100.0))}"
        f"<h2>True against false alarms given</h2>"
        f"{curves({'learned': result.curve}, Axis('false alarms given, %', 0.0, 100.0), Axis('true alarms given, %'))}"
        f"{''.join(grid.page() for grid in tables(result))}<h2>Environment</h2>{facts(result.environment)}",
    )
