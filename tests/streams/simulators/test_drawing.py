from __future__ import annotations

import numpy as np
import pytest

from heartwire.streams.simulators.drawing import Canvas


def _draw(points: list[tuple[float, float]], half_width: float = 4.0, blur: float = 0.8) -> np.ndarray:
    out = np.zeros((64, 64), np.float32)
    n = len(points)
    ramp = np.cos(np.linspace(0.0, np.pi / 2, 32), dtype=np.float32)[None, :]
    Canvas(64, 64).draw(
        out,
        np.array(points, np.float32),
        np.full(n, half_width, np.float32),
        np.ascontiguousarray(ramp),
        np.ones((1, n), np.float32),
        1.0,
        blur,
    )
    return out


def test_a_line_lies_where_it_should_to_a_fraction_of_a_pixel() -> None:
    drawn = _draw([(-10.0, 20.3), (20.0, 20.3), (90.0, 20.3)])
    column = drawn[:, 32]

    assert (column * np.arange(64)).sum() / column.sum() == pytest.approx(20.3, abs=0.02)


@pytest.mark.parametrize("end", [30.0, 30.25, 30.5, 30.75])
def test_the_distal_end_is_half_as_dense_at_the_tip(end: float) -> None:
    row = _draw([(x, 20.0) for x in np.arange(2.0, end + 1e-6, (end - 2.0) / 14)])[20]

    assert np.interp(end, np.arange(64), row) == pytest.approx(0.5, abs=0.02)
    assert row[round(end) + 4 :].max() < 1e-4
    assert row[10:25].min() == pytest.approx(1.0, abs=0.01)


def test_overlapping_parts_of_one_curve_count_once() -> None:
    drawn = _draw([(5.0, 20.0), (40.0, 20.0), (40.0, 40.0), (20.0, 40.0), (20.0, 5.0)])

    assert drawn.max() <= 1.0 + 1e-6


def test_curves_outside_the_map_leave_it_alone() -> None:
    assert not _draw([(-50.0, -50.0), (-20.0, 80.0)]).any()
