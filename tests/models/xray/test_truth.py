import numpy as np
import pytest

from heartwire.models.xray.truth import truth_planes


def test_truth_places_tips_between_cells() -> None:
    blank = np.zeros((64, 64), np.uint8)
    planes = truth_planes((blank, blank), [(1, 20.3, 31.8)], [], blank)
    row, column = np.unravel_index(planes[3].argmax(), planes[3].shape)
    x = column * 2 + 0.5 + planes[4, row, column] * 8
    y = row * 2 + 0.5 + planes[5, row, column] * 8
    assert (x, y) == pytest.approx((20.3, 31.8), abs=1e-4)
    assert not planes[2].any()


def test_heat_of_an_electrode_peaks_at_its_centre() -> None:
    blank = np.zeros((64, 64), np.uint8)
    heat = truth_planes((blank, blank), [], [(20.5, 30.5), (40.5, 30.5)], blank)[6]
    assert heat[15, 10] == heat[15, 20] == pytest.approx(1.0)
    assert heat[15, 11] == pytest.approx(np.exp(-1.0 / (2 * 1.5**2)))
    assert heat[15, 15] < 0.1


def test_unmarked_devices_weigh_nothing_unless_drawn_over() -> None:
    unmarked = np.zeros((64, 64), np.uint8)
    unmarked[:32] = 1
    body = np.zeros((64, 64), np.uint8)
    body[10:14] = 1
    weight = truth_planes((body, np.zeros_like(body)), [], [], unmarked)[7]
    assert weight[2, 5] == 0.0
    assert weight[6, 5] == 1.0
    assert weight[20, 5] == 1.0
