"""The cost of the journal is told for alarms and for other streams, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

from heartwire.benchmarks import journal


def test_each_distribution_is_measured(tmp_path: Path) -> None:
    cost = journal.measure(tmp_path, times=10)
    assert [(row.n, 0 < row.p50_ms <= row.p99_ms <= row.max_ms) for row in cost.rows] == [
        (n, True) for n in (10, 10, 10, 50, 50)
    ]
    assert journal.table(cost).row_count == 5
    assert list(tmp_path.iterdir()) == []
