import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.benchmarks.accuracy.catheter_figures import by_origin, errors
from heartwire.benchmarks.accuracy.catheter_reliability import reliability
from heartwire.benchmarks.accuracy.catheter_score import FrameScore


def _score(origin: str, tip_px: float, *, found: bool = True) -> FrameScore:
    return FrameScore("a", origin, tip_px, found, int(found), 1, 1, 0, np.zeros(3, np.float32), np.zeros(0, np.float32))


def test_each_origin_has_its_own_row_and_misses_count() -> None:
    one, two, pooled = by_origin(
        "ours", [_score("one", 2.0), _score("one", math.inf, found=False), _score("two", 12.0)]
    )
    assert (one.origin, one.frames, one.found, one.tip_px.within["10"]) == ("one", 2, 0.5, 0.5)
    assert (two.found, two.tip_px.within["10"]) == (1.0, 0.0)
    assert (pooled.origin, pooled.frames) == ("all", 3)
    assert pooled.tip_px.within["10"] == pytest.approx(1 / 3)
    assert pooled.tip_px.p95 is None


def test_frames_without_annotated_tip_do_not_count_among_tips() -> None:
    assert errors([1.0, math.nan, 3.0]).n == 2
    assert errors([math.nan]).median is None


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 1e3) | st.just(math.inf), min_size=1))
def test_quantiles_and_shares_agree(values: list[float]) -> None:
    summary = errors(values, (10.0,))
    assert summary.within["10"] == pytest.approx(sum(v <= 10.0 for v in values) / len(values))
    if summary.median is not None:
        assert sum(v <= summary.median for v in values) * 2 >= len(values)
        assert summary.p95 is None or summary.p95 >= summary.median


def test_bounds_that_are_right_are_exceeded_by_one_in_twenty() -> None:
    random = np.random.default_rng(1)
    sigma = random.uniform(0.3, 3.0, 4000)
    true = np.abs(random.normal(0.0, sigma))
    result = reliability(list(1.96 * sigma), list(true))
    assert result.beyond == pytest.approx(0.05, abs=0.01)
    assert result.true_95_px == pytest.approx(result.stated_px, rel=0.2)
    assert sum(result.counts) == result.tips == 4000


def test_bounds_of_nothing_say_nothing() -> None:
    assert reliability([], []).beyond is None
