"""Arrays found by their addresses in compiled code."""

from __future__ import annotations

import numpy as np
import pytest
from numba import carray, njit

from heartwire.engine.compiled.memory import Addresses, addresses, doubles, flags


@njit  # type: ignore[untyped-decorator]
def _count(places: Addresses, n: int) -> None:
    """Count in the first array of each row the flags that its second holds."""
    for place in places:
        total = carray(doubles(place[0]), (1,))
        for flag in carray(flags(place[1]), (n,)):
            total[0] += 1.0 if flag else 0.0


def test_compiled_code_reads_and_writes_the_arrays_of_each_row() -> None:
    totals = [np.zeros(1), np.ones(1)]
    told = [np.array([True, False, True]), np.array([False, True, False])]
    _count(np.array([addresses(pair) for pair in zip(totals, told, strict=True)]), 3)
    assert [total[0] for total in totals] == [2.0, 2.0]


def test_an_array_in_another_order_has_no_address() -> None:
    with pytest.raises(ValueError, match="C order"):
        addresses([np.zeros((3, 2)).T])
