import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.frame_clock import FrameClock


def _frame(number: int, rate_hz: float) -> XrayFrame:
    return XrayFrame(stream="lab/xray", frame=number, pixels=np.zeros((1, 1), np.uint8), rate_hz=rate_hz)


def test_at_one_rate_time_is_number_over_rate() -> None:
    clock = FrameClock()
    assert [clock.at_s(_frame(k, 0.0)) for k in (0, 15, 90)] == [0.0, 1.0, 6.0]


@given(rates=st.lists(st.sampled_from([4.0, 7.5, 15.0, 30.0]), min_size=2, max_size=30), start=st.integers(0, 10**6))
def test_time_goes_on_by_a_frame_whatever_the_rate_becomes(rates: list[float], start: int) -> None:
    clock = FrameClock()
    before_s = clock.at_s(_frame(start, rates[0]))
    for k, rate_hz in enumerate(rates[1:], 1):
        now_s = clock.at_s(_frame(start + k, rate_hz))
        assert abs(now_s - before_s - 1.0 / rate_hz) < 1e-6
        before_s = now_s
