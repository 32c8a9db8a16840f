import math

import pytest

from heartwire.benchmarks.accuracy.catheter import (
    FrameScore,
    followed_share,
    match_tips,
    summarise,
    tip_error_px,
)
from heartwire.engine.xray.detection import Detection


def _detection(confidence: float, tip: tuple[float, float] | None) -> Detection:
    return Detection(
        class_="catheter",
        confidence=confidence,
        visible=tip is not None,
        tip_px=tip,
        error_px=None,
        centreline_px=[(0.0, 0.0), (10.0, 0.0)],
    )


def test_the_most_confident_tip_counts_even_if_another_is_nearer() -> None:
    error, confidence = tip_error_px([(0.0, 0.0)], [_detection(0.9, (30.0, 40.0)), _detection(0.5, (0.0, 0.0))])
    assert (error, confidence) == (50.0, 0.9)


def test_a_device_without_tip_is_passed_over_and_none_at_all_is_a_miss() -> None:
    assert tip_error_px([(0.0, 0.0)], [_detection(0.9, None), _detection(0.5, (3.0, 4.0))])[0] == 5.0
    assert tip_error_px([(0.0, 0.0)], [])[0] == math.inf
    assert math.isnan(tip_error_px([], [])[0])


def test_a_line_is_followed_where_a_reported_one_is_within_5_px() -> None:
    annotated = [(0.0, 0.0), (100.0, 0.0)]
    assert followed_share(annotated, [[(0.0, 4.0), (100.0, 4.0)]]) == 1.0
    assert followed_share(annotated, [[(0.0, 4.0), (50.0, 4.0)]]) == pytest.approx(0.53, abs=0.02)
    assert followed_share(annotated, [[(0.0, 6.0), (100.0, 6.0)]]) == 0.0
    assert followed_share(annotated, []) == 0.0


def test_each_origin_has_its_own_row_and_misses_count() -> None:
    scores = [
        FrameScore("a", "one", 2.0, 1.0, 0.9),
        FrameScore("b", "one", math.inf, 0.2, 0.0),
        FrameScore("c", "two", 12.0, 0.5, 0.4),
    ]
    one, two, whole = summarise(scores)
    assert (one.origin, one.frames, one.tip_within, one.found) == ("one", 2, 0.5, 0.5)
    assert (two.tip_within, two.found) == (0.0, 1.0)
    assert whole.tip_within == pytest.approx(1 / 3)
    assert whole.tip_95_px == math.inf


def test_each_reported_tip_serves_one_visible_tip() -> None:
    errors, false = match_tips([(0.0, 0.0), (4.0, 0.0)], [(1.0, 0.0), (50.0, 0.0)])
    assert errors == [1.0]
    assert false == 1
