from __future__ import annotations

import numpy as np

from heartwire.streams.simulators.balloons import draw_balloon


def test_a_balloon_fills_over_seconds_stays_full_and_empties() -> None:
    for seed in range(20):
        balloon = draw_balloon(np.random.default_rng(seed), 120, 0.5)
        assert 0 < balloon.first < balloon.last < 119
        full_s = balloon.begin_s + balloon.fill_s
        middle = (balloon.last - balloon.first) // 2
        widths = [balloon.radius_mm(balloon.begin_s + t)[middle] for t in np.arange(0.0, balloon.fill_s, 1.0 / 15.0)]
        assert balloon.radius_mm(balloon.begin_s - 0.01).max() == 0.0
        assert (np.diff(widths) >= 0.0).all()
        assert np.diff(widths).max() < 0.1 * balloon.full_mm
        assert balloon.radius_mm(full_s + 0.5 * balloon.hold_s)[middle] == balloon.full_mm
        assert balloon.radius_mm(full_s + balloon.hold_s + balloon.fill_s + 0.01).max() == 0.0
        assert balloon.radius_mm(full_s)[[0, -1]].max() == 0.0
