"""What holds for the windows of the VT/VF network counted by rhythm."""

from __future__ import annotations

import numpy as np

from heartwire.benchmarks.accuracy.vf_windows import WindowCounts, added, count, window_table
from heartwire.engine.ecg.ventricular import WINDOW
from heartwire.models.ecg.rhythm_windows import OTHER, VF, VT


def test_a_window_counts_only_with_the_rhythm_that_fills_it() -> None:
    labels = np.repeat(np.array([OTHER, VF, VT, -1], np.int8), 2 * WINDOW)
    ends = np.array([WINDOW, 2 * WINDOW, 2 * WINDOW + 1, 4 * WINDOW, 6 * WINDOW, 8 * WINDOW])
    p_vf = np.array([0.1, 0.4, 0.9, 0.6, 0.2, 0.9])
    p_vt = np.array([0.1, 0.2, 0.0, 0.1, 0.7, 0.0])
    counts = count(labels, ends, p_vt, p_vf)
    assert counts == {
        "VF, flutter": WindowCounts(1, 1, 1),
        "VT": WindowCounts(1, 1, 0),
        "other rhythms": WindowCounts(2, 1, 1),
        "noise": WindowCounts(0, 0, 0),
    }
    assert added([counts, counts])["other rhythms"] == WindowCounts(4, 2, 2)
    assert window_table(counts).row_count == 4
