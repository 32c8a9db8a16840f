import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.benchmarks.accuracy.catheter_score import Reported, pair_tips, score_frame, tip_error_px
from heartwire.benchmarks.accuracy.catheter_truth import TrueDevice, dense
from heartwire.engine.xray.detection import Point

_POINT = st.tuples(st.floats(0, 500), st.floats(0, 500))


def _line(y: float, begin: float = 0.0, end: float = 100.0) -> np.ndarray:
    return dense([(begin, y), (end, y)])


def _told(tip: Point | None, confidence: float = 1.0, y: float = 0.0) -> Reported:
    return Reported(tip, _line(y), confidence)


def test_the_most_confident_tip_counts_even_if_another_is_nearer() -> None:
    assert tip_error_px([(0.0, 0.0)], [_told((0.0, 0.0), 0.5), _told((30.0, 40.0), 0.9)]) == 50.0


def test_a_device_without_tip_is_passed_over_and_none_at_all_is_a_miss() -> None:
    assert tip_error_px([(0.0, 0.0)], [_told(None, 0.9), _told((3.0, 4.0), 0.5)]) == 5.0
    assert tip_error_px([(0.0, 0.0)], []) == math.inf
    assert math.isnan(tip_error_px([], [_told((1.0, 1.0))]))


def test_a_device_is_found_if_half_of_it_lies_within_5_px_of_a_reported_one() -> None:
    truth = [TrueDevice((100.0, 0.0), _line(0.0))]
    for line, found in ((_line(4.0), 1), (_line(4.0, 0.0, 60.0), 1), (_line(4.0, 0.0, 40.0), 0), (_line(6.0), 0)):
        score = score_frame("a", "one", truth, [Reported((100.0, 0.0), line)])
        assert (score.found, score.main_found) == (found, bool(found))


def test_a_device_without_annotated_tip_counts_among_all_devices_alone() -> None:
    score = score_frame("a", "one", [TrueDevice(None, _line(0.0))], [_told(None)])
    assert (score.found, score.devices, score.main_found) == (1, 1, None)
    assert math.isnan(score.tip_error_px)


def test_a_reported_device_on_none_of_the_true_ones_is_false_and_has_no_part_in_distances() -> None:
    truth = [TrueDevice((100.0, 0.0), _line(0.0))]
    score = score_frame("a", "one", truth, [_told((100.0, 0.0), y=3.0), _told((100.0, 80.0), y=80.0)])
    assert (score.reported, score.false) == (2, 1)
    assert score.to_true_px.max() == pytest.approx(3.0)
    assert score.to_reported_px == pytest.approx(np.full(101, 3.0))


def test_where_nothing_is_reported_every_true_point_is_missed() -> None:
    score = score_frame("a", "one", [TrueDevice((100.0, 0.0), _line(0.0))], [])
    assert (score.found, score.false, len(score.to_true_px)) == (0, 0, 0)
    assert np.isinf(score.to_reported_px).all()


def test_where_there_is_no_device_whatever_is_reported_is_false() -> None:
    assert score_frame("a", "one", [], [_told(None), _told((1.0, 1.0))]).false == 2


def test_pairing_takes_the_nearest_first() -> None:
    assert pair_tips([(0.0, 0.0), (4.0, 0.0)], [(1.0, 0.0), (50.0, 0.0)]) == [(0, 0, 1.0), (1, 1, 46.0)]


@settings(max_examples=50, deadline=None)
@given(st.lists(_POINT, max_size=6), st.lists(_POINT, max_size=6))
def test_pairs_are_one_to_one_and_as_many_as_can_be(true: list[Point], reported: list[Point]) -> None:
    pairs = pair_tips(true, reported)
    assert len({i for i, _, _ in pairs}) == len({k for _, k, _ in pairs}) == len(pairs)
    assert len(pairs) == min(len(true), len(reported))
    assert all(error == pytest.approx(math.dist(true[i], reported[k])) for i, k, error in pairs)


@settings(max_examples=50, deadline=None)
@given(st.lists(_POINT, min_size=2, max_size=8))
def test_dense_points_keep_the_ends_and_leave_no_gap(line: list[Point]) -> None:
    points = dense(line)
    assert points[0] == pytest.approx(line[0], abs=1e-3)
    assert points[-1] == pytest.approx(line[-1], abs=1e-3)
    assert np.linalg.norm(np.diff(points, axis=0), axis=1).max() < 2.0
