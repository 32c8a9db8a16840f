"""Times of the frames of a video from their stamps."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.streams.sources.frame_stamps import FrameStamps


def test_rounded_stamps_are_regular() -> None:
    stamps = FrameStamps(15.0)
    assert [stamps.next(s)[1] for s in (0.0, 0.07, 0.13, 0.2)] == [15.0] * 4
    assert stamps.next(0.27)[0] == pytest.approx(4 / 15)


def test_a_step_that_is_another_is_believed() -> None:
    stamps = FrameStamps(10.0)
    assert [stamps.next(s) for s in (5.0, 5.1)] == [(0.0, 10.0), (0.1, 10.0)]
    assert stamps.next(5.6) == pytest.approx((0.6, 2.0))


@given(
    stamps_s=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=2, max_size=50),
    rate_hz=st.floats(0.1, 1000.0),
)
def test_whatever_the_stamps_time_goes_on(stamps_s: list[float], rate_hz: float) -> None:
    stamps = FrameStamps(rate_hz)
    times_s = [stamps.next(stamp_s)[0] for stamp_s in stamps_s]
    assert times_s[0] == 0.0
    assert all(before < after < before + 11.0 for before, after in itertools.pairwise(times_s))
