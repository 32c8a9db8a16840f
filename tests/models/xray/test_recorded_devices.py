import cv2
import numpy as np

from heartwire.models.xray.recorded_devices import Line, lines_of, masks


def test_a_frame_that_was_looked_at_has_lines_inside_it() -> None:
    lines = lines_of("1")
    assert lines is not None
    assert all(line.points_px.min() >= 0 and line.points_px.max() < 512 for line in lines)
    assert any(line.device for line in lines)
    assert lines_of("never looked at") is None


def test_a_device_is_where_its_line_is_dark_but_for_its_tip() -> None:
    depth = np.zeros((512, 512), np.float32)
    cv2.line(depth, (100, 0), (100, 300), 0.4, 9)
    points = np.array([[100, 0], [100, 300]], np.float32)
    body, doubtful = masks((Line(device=True, points_px=points),), depth)
    assert body[100:250, 97:104].all()
    assert not body[:, 110:].any()
    assert not body[290:].any()
    assert doubtful[300, 100]
    assert not (body & doubtful).any()


def test_what_is_unclear_is_no_device() -> None:
    points = np.array([[10, 10], [200, 10]], np.float32)
    body, doubtful = masks((Line(device=False, points_px=points),), np.ones((512, 512), np.float32))
    assert not body.any()
    assert doubtful[10, 100]
