"""What holds for the scoring of beats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.benchmarks.accuracy.mitdb import BeatScore, Score, gross, match_beats, score_beats


def test_a_detection_pairs_with_the_nearest_beat_within_150_ms() -> None:
    reference = np.array([1.0, 2.0, 3.0])
    detected = np.array([1.14, 2.16, 2.95, 3.05])
    np.testing.assert_array_equal(match_beats(reference, detected), [0, -1, 2])


def test_one_detection_never_serves_two_beats() -> None:
    np.testing.assert_array_equal(match_beats(np.array([1.0, 1.2]), np.array([1.11])), [-1, 0])


@given(st.lists(st.floats(0, 100), max_size=30), st.lists(st.floats(0, 100), max_size=30))
def test_every_beat_and_every_detection_is_counted_once(reference: list[float], detected: list[float]) -> None:
    score = score_beats(
        np.array(sorted(reference)), "N" * len(reference), np.array(sorted(detected)), "V" * len(detected)
    ).qrs
    assert score.true_positive + score.false_negative == len(reference)
    assert score.true_positive + score.false_positive == len(detected)


def test_classes_are_scored_with_misses_and_false_detections() -> None:
    score = score_beats(
        np.array([1.0, 2.0, 3.0, 4.0]), ["N", "V", "V", "S"], np.array([1.0, 2.01, 3.0, 5.0]), ["N", "V", "N", "V"]
    )
    assert score.of_class("V") == Score(1, 1, 1)
    assert score.of_class("S") == Score(0, 1, 0)
    assert score.of_class("N") == Score(1, 0, 1)
    assert score.qrs == Score(3, 1, 1)
    assert score.qrs.f1 == pytest.approx(0.75)
    np.testing.assert_allclose(score.errors_s, [0.0, 0.01, 0.0])


def test_stretches_left_out_count_on_neither_side() -> None:
    times = np.array([1.0, 5.0, 9.0])
    score = score_beats(times, "NNN", np.array([1.0, 4.5, 5.5, 9.0]), "NVVN", left_out_s=[(4.0, 6.0)])
    assert score.qrs == Score(2, 0, 0)


def test_records_add_up_and_nothing_is_perfect() -> None:
    one = score_beats(np.array([1.0]), "N", np.array([1.0]), "N")
    two = score_beats(np.array([1.0]), "N", np.empty(0), "")
    total = gross({"a": one, "b": two})
    assert (total.qrs.sensitivity, total.qrs.predictivity) == (0.5, 1.0)
    assert BeatScore().qrs.f1 == 1.0
