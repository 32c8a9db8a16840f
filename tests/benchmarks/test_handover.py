"""Frames of both sizes come by every way, whole, in turns; a frame that is not what was sent makes the run invalid."""

from __future__ import annotations

import pytest

from heartwire.benchmarks import handover
from heartwire.engine.errors import HeartwireError


def test_each_way_is_measured_for_each_size() -> None:
    found = handover.measure(seconds=0.3)
    assert [(row.frame, row.by) for row in found.rows] == [
        (frame, way) for frame in ("1024 x 1024 uint16", "512 x 512 uint8") for way in handover.WAYS
    ]
    assert all(row.n == 9 and 0 < row.in_hand_p50_ms <= row.p50_ms <= row.p99_ms <= row.max_ms for row in found.rows)
    assert handover.table(found).row_count == 8


def test_a_frame_that_came_otherwise_than_it_was_sent_is_told() -> None:
    seen = [handover._Seen("handover/bytes", 0, 1, 2, check=7)]
    with pytest.raises(HeartwireError, match="or not as they were sent"):
        handover._row("8 x 8 uint8", "bytes", seen, 1, checks=[8] * handover._DIFFERENT)
