"""Tests of waiting for more before what came is taken."""

from __future__ import annotations

import pytest

from heartwire.engine.gathering import LONGEST_S, Gathering

_MS = 1_000_000


def _after(n_streams: int, share: float, *, seconds: float = 5.0) -> Gathering:
    """Work so much of every 10 ms."""
    gathering = Gathering(n_streams)
    for end_ns in range(10 * _MS, round(seconds * 1e9), 10 * _MS):
        gathering.worked(end_ns - round(share * 10 * _MS), end_ns)
    return gathering


def test_a_worker_with_little_to_do_waits_for_nothing() -> None:
    assert Gathering(100).wait_s() == 0.0
    assert _after(100, 0.3).wait_s() == 0.0


def test_the_more_it_works_the_longer_it_waits_and_never_too_long() -> None:
    waits = [_after(100, share).wait_s() for share in (0.4, 0.5, 0.6, 0.8, 1.0)]
    assert waits == sorted(waits)
    assert 0.0 < waits[0] < waits[1]
    assert waits[-1] == LONGEST_S


def test_where_few_streams_come_there_is_nothing_to_wait_for() -> None:
    assert _after(8, 1.0).wait_s() == 0.0


def test_it_forgets_a_busy_time() -> None:
    gathering = _after(100, 1.0)
    assert gathering.share == pytest.approx(1.0, abs=1e-3)
    gathering.worked(9_000 * _MS, 9_001 * _MS)
    assert gathering.wait_s() == 0.0
