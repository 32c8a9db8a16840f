from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from heartwire.benchmarks.accuracy import cinc2015_run
from heartwire.benchmarks.accuracy.cinc2015 import DEFINITIONS, ChallengeCounts, by_definition
from heartwire.benchmarks.accuracy.cinc2015_run import WHOLE, Cinc2015Result, Verdicts, challenge_page, tables
from heartwire.engine.alarms.verification import KINDS
from heartwire.engine.ecg.evidence_numbers import NAMES
from heartwire.engine.errors import InputError


def test_a_true_alarm_withheld_counts_five_times() -> None:
    true = np.array([True, True, False, False])
    counts = ChallengeCounts.of(true, np.array([True, False, True, False]))
    assert (counts.tp, counts.tn, counts.fp, counts.fn) == (1, 1, 1, 1)
    assert counts.score == pytest.approx(100 * 2 / 8)
    assert (counts.tpr, counts.tnr) == (50.0, 50.0)
    assert ChallengeCounts(0, 0, 0, 0).score == 0.0


def test_alarms_are_judged_by_their_own_definition() -> None:
    assert tuple(DEFINITIONS) == KINDS
    evidence = np.full((6, len(NAMES)), np.nan, np.float32)
    for row, known in enumerate(
        (
            {"gap_s": 4.5, "silence_s": 4.3},
            {"gap_s": 4.5, "silence_s": 1.0},
            {"slow5_bpm": 35.0},
            {"fast17_bpm": 150.0},
            {"v8": 0.9, "pulse_agreement": 0.2},
            {"ventricular_fast_run": 5.0, "v4": 0.1},
        )
    ):
        for name, value in known.items():
            evidence[row, NAMES.index(name)] = value
    assert by_definition(np.array([0, 0, 1, 2, 3, 4]), evidence).tolist() == [True, False, True, True, True, True]


def test_the_tables_and_the_page_tell_the_scores_and_what_was_missed() -> None:
    counts = ChallengeCounts(8, 10, 1, 1)
    verdicts = Verdicts(by_condition={kind: [counts, counts] for kind in (*KINDS, WHOLE)})
    result = Cinc2015Result(
        environment={"cpu": "x"},
        alarms=20,
        folds=5,
        least_truth=0.2,
        verdicts={"learned": verdicts},
        curve=[(10.0, 80.0), (20.0, 90.0)],
        missed=["a1"],
    )
    (grid,) = tables(result)
    assert grid.rows[-1][-2] == f"{counts.score:.2f}"
    assert "a1" in grid.notes[0]
    assert "<svg" in challenge_page(result)


def test_without_the_training_extra_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(cinc2015_run, "find_spec", lambda _: None)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(InputError, match=r"heartwire\[train\]"), Progress(disable=True) as progress:
        cinc2015_run.evaluate(tmp_path, progress)
