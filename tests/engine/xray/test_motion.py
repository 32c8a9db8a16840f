"""Forecasts of a tip's place: which one is used, and how far off it is said to be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.motion import REST, RHYTHM, TipMotion

FRAME_S = 1 / 15


def beating(k: int) -> Point:
    beat = math.sin(math.pi * (1.2 * k * FRAME_S % 1.0)) ** 4
    return 200.0 + 20.0 * beat, 250.0 - 12.0 * beat


def followed(places: list[Point]) -> TipMotion:
    motion = TipMotion.begin(0.0, places[0], 1.0)
    for k, place in enumerate(places[1:], 1):
        motion.take(k * FRAME_S, place, 0.5)
    return motion


def test_a_heart_beat_that_has_proved_itself_is_foretold() -> None:
    motion = followed([beating(k) for k in range(90)])
    for ahead in range(1, 8):
        at_s = (89 + ahead) * FRAME_S
        assert motion.best(at_s) == RHYTHM or ahead == 1
        assert math.dist(motion.forecast(at_s), beating(89 + ahead)) < motion.bound_px(at_s)
    assert math.dist(motion.forecast(95 * FRAME_S), beating(95)) < 4.0


def test_a_tip_that_wanders_is_not_taken_for_a_heart() -> None:
    steps = np.cumsum(np.random.default_rng(3).normal(0.0, 3.0, (120, 2)), axis=0)
    motion = followed([(200.0 + x, 200.0 + y) for x, y in steps.tolist()])
    assert motion.best(120 * FRAME_S) != RHYTHM


def test_a_tip_at_rest_stays_and_its_bound_is_small() -> None:
    motion = followed([(100.0, 100.0)] * 60)
    assert motion.best(60 * FRAME_S) == REST
    assert motion.forecast(62 * FRAME_S) == pytest.approx((100.0, 100.0))
    assert motion.bound_px(60 * FRAME_S) < 5.0


def test_the_bound_grows_while_nothing_is_seen_as_it_was_measured_to_grow() -> None:
    slow, fast = (followed([(100.0 + v * math.sin(k / 3), 100.0) for k in range(40)]) for v in (2.0, 20.0))
    for motion in (slow, fast):
        bounds = [motion.bound_px((39 + k) * FRAME_S) for k in range(1, 9)]
        assert bounds == sorted(bounds)
    assert fast.bound_px(42 * FRAME_S) > 2.0 * slow.bound_px(42 * FRAME_S)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(-50, 1100), st.floats(-50, 1100)), min_size=2, max_size=80), st.floats(0.001, 0.9))
def test_whatever_was_seen_forecasts_are_finite_and_no_faster_than_tips(places: list[Point], ahead_s: float) -> None:
    motion = followed(places)
    at_s = motion.now_s + ahead_s
    forecast = motion.forecast(at_s)
    assert math.dist(forecast, motion.tip_px) <= 240.0 * ahead_s + 1e-6
    assert 0.0 < motion.bound_px(at_s) < math.inf
