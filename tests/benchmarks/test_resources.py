"""Processes are measured also when they are gone; what nvidia-smi does not support is left out."""

from __future__ import annotations

import os

from heartwire.benchmarks.resources import Range, ResourceSampler, gpu_ranges


def test_a_process_is_measured() -> None:
    sampler = ResourceSampler({"this": os.getpid(), "gone": 2**22 + 1}, every_s=0.0)
    sampler.step()
    figures = sampler.figures()
    assert list(figures) == ["this"]
    assert figures["this"].rss_mb > 10
    assert len(figures["this"].rss_series_mb) == 1


def test_gpu_figures_have_their_range() -> None:
    found = gpu_ranges(
        ["10, 5, 100, 1980, [N/A], 70.5", "90, 7, 100, 345, [N/A], 200.5", "50, 6, 100, 1980, [N/A], 99"]
    )
    assert found["clocks.sm"] == Range(345, 1980, 1980)
    assert found["utilization.gpu"] == Range(10, 50, 90)
    assert "clocks.mem" not in found
    assert gpu_ranges([]) == {}
