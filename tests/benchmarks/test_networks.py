"""Every network is timed at every batch, by ONNX Runtime and, where there is such a form, compiled."""

from __future__ import annotations

from heartwire.benchmarks import networks


def test_each_network_is_timed_at_each_batch_in_both_forms() -> None:
    found = networks.measure(["ecg-vf", "ecg-fibrillation"], [1, 3], runs=8)
    assert [(row.network, row.batch) for row in found.rows] == [
        ("ecg-vf", 1),
        ("ecg-vf", 3),
        ("ecg-fibrillation", 1),
        ("ecg-fibrillation", 3),
    ]
    assert all(row.onnx_us > 0 for row in found.rows)
    assert [row.engine_us is None for row in found.rows] == [True, True, False, False]
    assert networks.table(found).row_count == 3
