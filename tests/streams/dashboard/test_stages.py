"""Latencies of each stage, as the engineer's view shows them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.messages import Trace
from heartwire.engine.trace import END_TO_END
from heartwire.streams.dashboard.stages import EDGES_MS, Stages

S, MS = 1_000_000_000, 1_000_000


def end_to_end(stages: Stages, now_ns: int) -> object:
    return next((found for found in stages.summary(now_ns) if found.stage == END_TO_END), None)


def test_each_stage_that_was_passed_is_counted_from_the_stamp_before_it() -> None:
    stages = Stages()
    stages.add(
        Trace(intended_ns=100 * S, received_ns=100 * S + 3 * MS, inferred_ns=100 * S + 23 * MS), 100 * S + 24 * MS
    )
    found = {stage.stage: stage for stage in stages.summary(100 * S)}
    assert list(found) == ["transport", "inference", "delivery", END_TO_END]
    assert [round(stage.max_ms) for stage in found.values()] == [3, 20, 1, 24]
    assert all(stage.count == sum(stage.counts) == 1 for stage in found.values())


@given(st.lists(st.floats(0.02, 9000), min_size=1, max_size=200))
def test_percentiles_lie_at_most_a_bucket_above_the_true_ones(latencies_ms: list[float]) -> None:
    stages = Stages()
    for ms in latencies_ms:
        stages.add(Trace(intended_ns=100 * S), 100 * S + round(ms * MS))
    # All came within the last minute, though some were late.
    found = end_to_end(stages, 100 * S)
    ordered = sorted(latencies_ms)
    true_ms = ordered[-(-len(ordered) // 2) - 1]
    bucket = EDGES_MS[1] / EDGES_MS[0]
    assert found.count == len(ordered)  # type: ignore[attr-defined]
    assert true_ms * 0.99 - 0.01 <= found.p50_ms <= true_ms * bucket * 1.01 + 0.01  # type: ignore[attr-defined]
    assert found.max_ms == pytest.approx(ordered[-1], abs=0.01)  # type: ignore[attr-defined]


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    stages = Stages()
    stages.add(Trace(intended_ns=100 * S), 100 * S + MS)
    assert end_to_end(stages, 150 * S) is not None
    assert end_to_end(stages, 165 * S) is None
    stages.add(Trace(intended_ns=400 * S), 400 * S + MS)
    assert end_to_end(stages, 400 * S) is not None


@pytest.mark.parametrize(("late_ms", "bucket"), [(0.0, 0), (1e-6, 0), (20_000.0, -1)])
def test_what_is_off_the_scale_counts_at_its_end(late_ms: float, bucket: int) -> None:
    stages = Stages()
    stages.add(Trace(intended_ns=100 * S), 100 * S + round(late_ms * MS))
    assert end_to_end(stages, 100 * S).counts[bucket] == 1  # type: ignore[attr-defined]
