from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.benchmarks.accuracy.rhythm_score import RhythmScore, overlap_s, score_rhythm, together
from heartwire.benchmarks.accuracy.vf import Span


def test_a_perfect_answer_scores_one_everywhere() -> None:
    spans = [Span(10, 50), Span(80, 100)]
    score = score_rhythm(spans, spans, [22, 90], 200.0)
    shares = (
        score.duration_sensitivity,
        score.duration_predictivity,
        score.specificity,
        score.episode_sensitivity,
        score.episode_predictivity,
    )
    assert shares == (1, 1, 1, 1, 1)
    assert score.delays_s == (12, 10)


def test_durations_count_what_overlaps_and_episodes_any_overlap() -> None:
    score = score_rhythm([Span(0, 100)], [Span(90, 110), Span(150, 160)], [95, 155], 200.0)
    assert score.duration_sensitivity == pytest.approx(0.1)
    assert score.duration_predictivity == pytest.approx(10 / 30)
    assert score.specificity == pytest.approx(0.8)
    assert (score.found, score.episodes, score.right, score.calls) == (1, 1, 1, 2)


def test_short_episodes_are_not_asked_for_but_a_call_in_them_is_right() -> None:
    score = score_rhythm([Span(0, 5)], [Span(2, 5)], [4], 100.0, least_s=10.0)
    assert (score.episodes, score.right, score.calls) == (0, 1, 1)
    assert score.episode_sensitivity is None


def test_an_episode_told_from_before_has_no_delay() -> None:
    assert score_rhythm([Span(20, 50)], [Span(5, 60)], [10], 100.0).delays_s == ()


def test_nothing_annotated_and_nothing_told_leaves_only_specificity() -> None:
    score = score_rhythm([], [], [], 60.0)
    assert (score.specificity, score.duration_sensitivity, score.episode_predictivity) == (1.0, None, None)


def test_records_are_added_up() -> None:
    a = score_rhythm([Span(0, 10)], [Span(0, 10)], [3], 20.0)
    b = score_rhythm([Span(0, 30)], [], [], 40.0)
    both = together([a, b])
    assert both.duration_sensitivity == pytest.approx(0.25)
    assert both.delays_s == (3,)
    assert together([]) == RhythmScore()


times = st.lists(st.floats(0, 1000), min_size=0, max_size=12, unique=True).map(
    lambda at: [Span(*pair) for pair in zip(sorted(at)[::2], sorted(at)[1::2], strict=False)]
)


@given(times, times)
def test_shares_lie_between_nothing_and_all(annotated: list[Span], told: list[Span]) -> None:
    score = score_rhythm(annotated, told, [t.end_s for t in told], 1000.0)
    for share in (score.duration_sensitivity, score.duration_predictivity, score.episode_sensitivity):
        assert share is None or -1e-9 <= share <= 1.0 + 1e-9
    assert sum(overlap_s(a, t) for a in annotated for t in told) <= score.annotated_s + 1e-6
