"""When the turns of a worker begin."""

from __future__ import annotations

from heartwire.engine.gathering import A_STREAM_NS, FEW, MOST_NS, Gathering

NOW_NS = 10**15


def test_turns_of_many_streams_begin_apart() -> None:
    gathering = Gathering(200)
    apart_ns = 200 * A_STREAM_NS
    assert gathering.rest_ns(NOW_NS) == 0
    assert gathering.rest_ns(NOW_NS + 1_000_000) == apart_ns - 1_000_000
    assert gathering.rest_ns(NOW_NS + apart_ns) == apart_ns


def test_a_turn_that_took_longer_is_followed_at_once() -> None:
    gathering = Gathering(200)
    gathering.rest_ns(NOW_NS)
    assert gathering.rest_ns(NOW_NS + MOST_NS) == 0


def test_few_streams_wait_for_nobody() -> None:
    gathering = Gathering(FEW)
    assert [gathering.rest_ns(NOW_NS), gathering.rest_ns(NOW_NS + 1)] == [0, 0]


def test_the_rest_has_a_bound_whatever_the_number() -> None:
    gathering = Gathering(100_000)
    gathering.rest_ns(NOW_NS)
    assert gathering.rest_ns(NOW_NS) == MOST_NS
