from __future__ import annotations

import numpy as np

from heartwire.streams.simulators.curves import end_on


def test_a_stretch_along_the_beam_keeps_its_length_and_the_end_of_the_curve() -> None:
    points = np.column_stack([0.5 * np.arange(201), np.zeros(201), np.zeros(201)])
    from_tip = 0.5 * np.arange(201)[::-1]
    turned = end_on(points, from_tip, 40.0, 16.0, np.array([0.1, 0.1, -1.0]))

    steps, flat = np.diff(turned, axis=0), np.diff(turned[:, :2], axis=0)
    np.testing.assert_allclose(np.linalg.norm(steps, axis=1), 0.5)
    np.testing.assert_allclose(turned[-1], points[-1])
    seen = np.linalg.norm(flat, axis=1)
    assert seen[np.abs(from_tip[1:] - 40.0) < 3.0].max() < 0.1
    np.testing.assert_allclose(seen[np.abs(from_tip[1:] - 40.0) > 8.5], 0.5)
    assert turned[0, 2] > 5.0
