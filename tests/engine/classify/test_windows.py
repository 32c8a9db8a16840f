"""Windows lie where the count of samples says, however the samples come."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.classify.windows import Windows


@given(
    length=st.integers(1, 40), hop=st.integers(1, 60), begin=st.integers(0, 100),
    pieces=st.lists(st.integers(0, 50), min_size=1, max_size=12), saved=st.integers(0, 12),
)  # fmt: skip
def test_pieces_of_any_length_and_a_restart_give_every_window_once_at_multiples_of_the_hop(
    length: int, hop: int, begin: int, pieces: list[int], saved: int
) -> None:
    samples = np.arange(begin, begin + sum(pieces), dtype=np.float32)[:, None]
    windows = Windows(length, hop, 1)
    windows.begin_at(begin)
    found = []
    for n, piece in enumerate(np.split(samples, np.cumsum(pieces)[:-1])):
        if n == saved:
            state = windows.snapshot()
            windows = Windows(length, hop, 1)
            windows.restore(state)
        found += list(windows.push(piece))
    expected = [f for f in range(0, begin + sum(pieces), hop) if f >= begin and f + length <= begin + sum(pieces)]
    assert [w.first for w in found] == expected
    for window in found:
        np.testing.assert_array_equal(window.samples[:, 0], np.arange(window.first, window.first + length))
    assert windows.end == begin + sum(pieces) or hop > length
