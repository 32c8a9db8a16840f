"""Processes are measured also when they are gone; what nvidia-smi does not support is left out."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

from heartwire.benchmarks import resources
from heartwire.benchmarks.resources import Bystanders, Range, ResourceSampler, gpu_ranges


def test_a_process_is_measured() -> None:
    sampler = ResourceSampler({"this": os.getpid(), "gone": 2**22 + 1}, every_s=0.0)
    sampler.step()
    figures = sampler.figures()
    assert list(figures) == ["this"]
    assert figures["this"].rss_mb > 10
    assert len(figures["this"].rss_series_mb) == 1


def test_what_else_ran_is_told_without_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = iter([(100.0, 1.0), (107.0, 1.5)])
    processes = iter([{"cpu_s": 40.0}, {"cpu_s": 5.0}, {"cpu_s": 6.0}, {"cpu_s": 43.0}])
    clock = iter([1000.0, 1010.0])
    monkeypatch.setattr(resources, "_read_machine", lambda: next(machine))
    monkeypatch.setattr(resources, "_read", lambda _: next(processes))
    monkeypatch.setattr(resources, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    found = ResourceSampler({"worker": 1}).bystanders()
    assert found == Bystanders(others_percent=30.0, withheld_percent=5.0)
    assert str(found) == "meanwhile other programs took 30 % of a core, and the host withheld 5.0 %"


def test_this_machine_tells_how_long_it_was_at_work() -> None:
    busy_s, withheld_s = resources._read_machine()
    assert busy_s > 0
    assert withheld_s >= 0


def test_gpu_figures_have_their_range() -> None:
    found = gpu_ranges(
        ["10, 5, 100, 1980, [N/A], 70.5", "90, 7, 100, 345, [N/A], 200.5", "50, 6, 100, 1980, [N/A], 99"]
    )
    assert found["clocks.sm"] == Range(345, 1980, 1980)
    assert found["utilization.gpu"] == Range(10, 50, 90)
    assert "clocks.mem" not in found
    assert gpu_ranges([]) == {}
