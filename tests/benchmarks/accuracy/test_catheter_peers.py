import cv2
import numpy as np
import pytest

from heartwire.benchmarks.accuracy.catheter_peers import (
    CsrtTip,
    csrt_installed,
    longest_path,
    ridge_devices,
    ridge_installed,
)
from heartwire.engine.messages import XrayFrame


def _frame(tip: tuple[int, int] = (200, 150)) -> XrayFrame:
    random = np.random.default_rng(1)
    image = 160.0 + cv2.GaussianBlur(random.standard_normal((256, 320)), (0, 0), 1.0) * 6.0
    cv2.polylines(image, [np.array([(0, 60), (120, 80), tip])], isClosed=False, color=70.0, thickness=6)
    return XrayFrame(stream="a", frame=0, pixels=np.clip(image, 0, 255).astype(np.uint8))


def test_the_longest_path_runs_from_end_to_end_and_leaves_branches_out() -> None:
    skeleton = np.zeros((40, 60), np.bool_)
    skeleton[20, 5:55] = True
    skeleton[20:30, 30] = True
    skeleton[2, 2:10] = True  # another piece
    path = longest_path(skeleton)
    assert sorted([path[0].tolist(), path[-1].tolist()]) == [[5, 20], [54, 20]]
    assert (path[:, 1] == 20).all()
    assert (np.abs(np.diff(path[:, 0])) == 1).all()


def test_nothing_has_no_path() -> None:
    assert longest_path(np.zeros((8, 8), np.bool_)).shape == (0, 2)


@pytest.mark.skipif(not ridge_installed(), reason="scikit-image is absent: pip install 'heartwire[peers]'")
def test_the_ridge_filter_finds_a_lone_dark_line() -> None:
    (device,) = ridge_devices(_frame())
    assert device.tip_px == pytest.approx((200.0, 150.0), abs=8.0)
    flat = XrayFrame(stream="a", frame=0, pixels=np.full((128, 128), 90, np.uint8))
    assert ridge_devices(flat) == []


@pytest.mark.skipif(not csrt_installed(), reason="this OpenCV has no CSRT tracker")
def test_the_tracker_follows_a_tip_that_moves_a_little() -> None:
    tracker = CsrtTip(_frame(), (200.0, 150.0))
    assert tracker.follow(_frame((203, 152))) == pytest.approx((203.0, 152.0), abs=3.0)


@pytest.mark.skipif(not csrt_installed(), reason="this OpenCV has no CSRT tracker")
def test_a_tip_at_the_border_is_followed_in_a_box_inside_the_frame() -> None:
    tracker = CsrtTip(_frame((318, 254)), (318.0, 254.0))
    assert tracker.follow(_frame((318, 254))) == pytest.approx((318.0, 254.0), abs=3.0)
