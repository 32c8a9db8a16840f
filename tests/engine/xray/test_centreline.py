from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

from heartwire.engine.xray.centreline import SPACING_PX, find_lines, length_px, smooth
from heartwire.engine.xray.thinning import lines, thin


def _drawn(*polylines: list[tuple[int, int]], width: int = 5) -> np.ndarray:
    body = np.zeros((256, 256), np.float32)
    for polyline in polylines:
        cv2.polylines(body, [np.array(polyline, np.int32)], False, 1.0, width)
    return body


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.bool_, (24, 31)))
def test_every_mask_thins_to_lines_that_hold_each_cell_once(mask: np.ndarray) -> None:
    skeleton, left = thin(mask)
    assert (skeleton <= mask).all()
    np.testing.assert_array_equal(left, np.flatnonzero(skeleton))
    points, starts = lines(skeleton, left)
    cells = {(int(x), int(y)) for x, y in points}
    assert len(cells) == len(points)
    assert all(skeleton[y, x] for x, y in cells)
    assert starts[0] == 0
    assert starts[-1] == len(points)
    for a, b in pairwise(starts):
        steps = np.abs(np.diff(points[a:b], axis=0))
        assert (steps <= 1).all()


def test_a_bar_becomes_its_middle() -> None:
    (line,) = find_lines(_drawn([(40, 60), (200, 60)]), threshold=0.5)
    np.testing.assert_allclose(line[:, 1], 120.5, atol=1.1)
    assert length_px(line) > 300


def test_crossing_devices_stay_two() -> None:
    found = find_lines(_drawn([(30, 40), (220, 200)], [(30, 200), (220, 60)]), threshold=0.5)
    assert len(found) == 2
    for line in found:
        chord = float(np.linalg.norm(line[-1] - line[0]))
        assert chord > 420
        assert length_px(line) < 1.15 * chord


def test_a_gap_is_bridged_and_parallel_devices_are_not_joined() -> None:
    assert len(find_lines(_drawn([(40, 60), (110, 60)], [(122, 60), (200, 60)]), threshold=0.5)) == 1
    assert len(find_lines(_drawn([(40, 60), (110, 60)], [(122, 90), (200, 90)]), threshold=0.5)) == 2


def test_nothing_gives_nothing() -> None:
    assert find_lines(np.zeros((256, 256), np.float32), threshold=0.5) == []


@pytest.mark.parametrize("turns", [0.5, 2.0])
def test_smoothing_keeps_ends_and_spacing(turns: float) -> None:
    angle = np.linspace(0.0, turns * np.pi, 300)
    circle = np.stack([200 + 60 * np.cos(angle), 200 + 60 * np.sin(angle)], axis=1).astype(np.float32)
    ragged = np.rint(circle / 2) * 2
    line = smooth(ragged.astype(np.float32))
    np.testing.assert_allclose(line[0], ragged[0], atol=1e-3)
    np.testing.assert_allclose(line[-1], ragged[-1], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(np.diff(line, axis=0), axis=1), SPACING_PX, atol=1.2)
    radius = np.linalg.norm(line - 200, axis=1)
    assert np.abs(radius - 60).max() < 1.6


def test_smoothing_takes_very_short_lines() -> None:
    for n in (2, 3, 4):
        line = smooth(np.stack([np.arange(n), np.zeros(n)], axis=1).astype(np.float32))
        assert len(line) >= 2
    assert len(smooth(np.array([[3.0, 4.0], [3.0, 4.0]], np.float32))) == 1
