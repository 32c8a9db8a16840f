"""The benchmark of swaps: a short run is valid, and tells both sides."""

from __future__ import annotations

from heartwire.benchmarks import swap


def test_swaps_under_load_drop_nothing_and_are_told_apart_from_the_rest() -> None:
    result = swap.measure(beds=1, swaps=2, quiet_s=5.0, progress=lambda _: None)
    assert result.valid, result.invalid_because
    assert (result.swaps, result.streams_swapped) == (2, 2)
    assert min(result.apart.n, result.during.n) > 0
    assert set(result.rss_mb) == {"first", "last"}
    assert swap.table(result).row_count == 2
