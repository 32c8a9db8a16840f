"""Every size is measured in every turn, and told beside the others."""

from __future__ import annotations

import msgspec
import pytest

from heartwire.benchmarks import analysis
from heartwire.benchmarks.commands import bench_analysis
from heartwire.engine.errors import InputError


def test_each_number_of_beds_is_measured() -> None:
    load = msgspec.structs.replace(analysis.LOAD, cycle_s=4.0, patients=1)
    cost = analysis.measure([1, 3], turns=2, batch=2, load=load)
    assert [row.beds for row in cost.rows] == [1, 3]
    assert all(0 < row.least_us <= row.us_a_message <= row.most_us for row in cost.rows)
    assert analysis.table(cost).row_count == 2


@pytest.mark.parametrize("sizes", ["", "0", "10,-3", "many"])
def test_sizes_that_are_none_are_one_clear_error(sizes: str) -> None:
    with pytest.raises(InputError, match="--sizes"):
        bench_analysis(sizes=sizes)
