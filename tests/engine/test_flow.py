"""Queues are bounded and say what they let go and why."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.flow import STALE, SUPERSEDED, FreshestQueue, LosslessQueue
from heartwire.engine.messages import XrayFrame

MS = 1_000_000


def frame(number: int, captured_ms: int = 0) -> XrayFrame:
    return XrayFrame(stream="lab-1/xray", frame=number, pixels=np.zeros((1, 1), np.uint8), captured_ns=captured_ms * MS)


def test_a_lossless_queue_tells_its_feeder_to_stop_and_loses_nothing() -> None:
    queue: LosslessQueue[int] = LosslessQueue(capacity=3)
    fed = []
    source = iter(range(10))
    taken = []
    while len(taken) < 10:
        while not queue.full and (item := next(source, None)) is not None:
            queue.put(item)
            fed.append(item)
        assert len(queue) <= 3
        taken.append(queue.take())
    assert taken == fed == list(range(10))
    assert queue.take() is None
    assert queue.statistics() == (0, 3, 3, 10, {})


def test_the_freshest_frame_wins() -> None:
    queue = FreshestQueue(age_budget_ms=100)
    assert queue.put(frame(0)) == []
    gone = queue.put(frame(1))
    assert [(f.frame, cause) for f, cause in gone] == [(0, SUPERSEDED)]
    taken, stale = queue.take(0)
    assert taken is not None
    assert taken.frame == 1
    assert stale == []


def test_a_frame_past_its_age_budget_is_not_given_out() -> None:
    queue = FreshestQueue(age_budget_ms=100, capacity=4)
    for n in range(3):
        queue.put(frame(n, captured_ms=10 + 50 * n))
    taken, stale = queue.take(now_ns=130 * MS)
    assert taken is not None
    assert taken.frame == 1
    assert [(f.frame, cause) for f, cause in stale] == [(0, STALE)]
    taken, stale = queue.take(now_ns=300 * MS)
    assert taken is None
    assert [f.frame for f, _ in stale] == [2]


def test_a_frame_exactly_at_its_budget_is_still_good_and_one_without_a_time_never_stale() -> None:
    queue = FreshestQueue(age_budget_ms=100)
    queue.put(frame(0, captured_ms=10))
    assert queue.take(now_ns=110 * MS)[0] is not None
    queue.put(frame(1))
    assert queue.take(now_ns=10**18)[0] is not None


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(1, 4))
def test_every_frame_is_given_out_dropped_with_a_cause_or_waiting(steps: list[int], capacity: int) -> None:
    queue = FreshestQueue(age_budget_ms=30, capacity=capacity)
    put = taken = gone = 0
    for now, step in enumerate(steps):
        if step:
            put += 1
            gone += len(queue.put(frame(put, captured_ms=1 + 10 * now)))
        if step != 1:
            found, stale = queue.take(now_ns=(10 * now + 25) * MS)
            taken += found is not None
            gone += len(stale)
        assert len(queue) <= capacity
    statistics = queue.statistics()
    assert put == taken + gone + len(queue)
    assert (statistics.taken, sum(statistics.dropped.values())) == (taken, gone)
