from __future__ import annotations

import numpy as np
import pytest

from heartwire.benchmarks.accuracy.af_run import LEVELS, followed, level
from heartwire.benchmarks.accuracy.af_score import Counts, count, shares, together
from heartwire.engine.ecg.fibrillation import FibrillationSettings
from heartwire.engine.ecg.last_beats import N_BEATS
from heartwire.models.ecg.told_beats import ToldBeats


def test_decisions_are_counted_by_what_they_should_have_been() -> None:
    counts = count(np.array([1, 1, 1, 0, 0], np.bool_), np.array([1, 1, 0, 0, 1], np.bool_))
    assert counts == Counts(tp=2, fn=1, tn=1, fp=1)
    assert (counts.sensitivity, counts.specificity) == (pytest.approx(2 / 3), 0.5)
    assert (counts.predictivity, counts.f1) == (pytest.approx(2 / 3), pytest.approx(2 / 3))


def test_without_decisions_there_is_no_share() -> None:
    assert (Counts().sensitivity, Counts().specificity, Counts().predictivity, Counts().f1) == (None,) * 4


def test_counts_are_added_up() -> None:
    assert together([Counts(1, 2, 3, 4), Counts(10, 20, 30, 40)]) == Counts(11, 22, 33, 44)


def test_a_window_has_the_share_of_its_beats() -> None:
    inside = np.array([0, 0, 1, 1, 1], np.bool_)
    assert shares(inside, 2).tolist() == [0.0, 0.5, 1.0, 1.0]


def test_the_level_chosen_weighs_both_errors_alike() -> None:
    random = np.random.default_rng(0)
    inside = np.arange(4000) % 1000 < 500
    p = np.clip(np.where(inside, 0.55, 0.15) + random.normal(0, 0.1, 4000), 0, 1).astype(np.float32)
    beats = ToldBeats("drawn", np.arange(4000.0), np.zeros(4000, np.uint8), None, inside, 0)
    assert level([(beats, p)]) == pytest.approx(LEVELS[3], abs=0.06)


def test_a_rhythm_is_followed_live_and_dated_back() -> None:
    truth = np.array([False] * 60 + [True] * 60 + [False] * 60)
    p = np.array([truth[max(i + 1 - N_BEATS, 0) : i + 1].mean() for i in range(len(truth))], np.float32)
    live, dated = followed(p, FibrillationSettings())
    assert 60 < int(np.argmax(live)) < 60 + N_BEATS
    assert abs(int(np.argmax(dated)) - 60) <= 6
    assert abs(int(dated.sum()) - 60) <= 12
