"""The overlay: judged by its age, drawn on its own frame alone."""

from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.messages import CatheterFix, Device, Trace, XrayFrame
from heartwire.engine.xray.age import age_ms, judge
from heartwire.engine.xray.overlay import displayed, draw


def frame(k: int, *, dtype: type = np.uint8, shape: tuple[int, int] = (128, 160)) -> XrayFrame:
    pixels = np.full(shape, 100, dtype) * (dtype(1) if dtype is np.uint8 else dtype(40))
    pixels[:, k % shape[1]] = 0
    return XrayFrame(stream="lab/xray", frame=k, pixels=pixels, rate_hz=20.0)


def fix(k: int, *, state: str = "tracked") -> CatheterFix:
    device = Device(
        id=1, class_="catheter", state=state, visible=state == "tracked", confidence=0.9, tip_px=(80.0, 60.0),
        tip_mm=None, error_px=3.0, centreline_px=[(0.0, 60.0), (80.0, 60.0)],
    )  # fmt: skip
    return CatheterFix(stream="lab/xray", frame=k, captured_ns=0, devices=[device])


def is_drawn(image: np.ndarray) -> bool:
    """Whether the green centreline lies on the row where it belongs."""
    blue, green, red = (int(v) for v in image[60, 40])
    return green > blue + 40 and green > red + 40


def test_an_overlay_on_another_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="frame 3 cannot be drawn on frame 4"):
        draw(frame(4), fix(3), None)


def test_a_lost_device_is_not_drawn_and_says_so() -> None:
    lost = fix(0, state="lost")
    verdict = judge(lost, 10.0, 500.0, None)
    assert (verdict.shown, verdict.reason) == (False, "no device")
    assert not is_drawn(draw(frame(0), lost, verdict))


def test_deep_frames_are_brought_to_the_screen_over_the_range_in_use() -> None:
    deep = XrayFrame(
        stream="s", frame=0, pixels=np.linspace(3000, 9000, 64 * 64).reshape(64, 64).astype(np.uint16), bits=14
    )
    shown = displayed(deep)
    assert shown.shape == (64, 64, 3)
    assert shown.min() < 5
    assert shown.max() > 250


def test_age_counts_from_the_intended_time_else_from_arrival() -> None:
    assert age_ms(Trace(), 10**9) == 0.0
    assert age_ms(Trace(received_ns=10**9), 10**9 + 7_000_000) == 7.0
    assert age_ms(Trace(intended_ns=10**9, received_ns=10**9 + 6_000_000), 10**9 + 7_000_000) == 7.0


def test_past_the_budget_an_overlay_is_withdrawn_with_its_age_in_ms_and_mm() -> None:
    verdict = judge(fix(0), 600.0, 500.0, speed_mm_s=20.0)
    assert not verdict.shown
    assert (verdict.age_ms, verdict.age_mm) == (600.0, 12.0)
    assert "600 ms" in verdict.reason
    assert judge(fix(0), 500.0, 500.0, None).shown


def test_what_is_shown_is_drawn_and_a_doubtful_device_is_not_shown() -> None:
    sure = fix(0)
    assert is_drawn(draw(frame(0), sure, judge(sure, 10.0, 500.0, None)))
    sure.devices[0].confidence = 0.1
    verdict = judge(sure, 10.0, 500.0, None)
    assert not verdict.shown
    assert not is_drawn(draw(frame(0), sure, verdict))
