"""Scenarios on heartwire itself: its account, its stages, its processes; a soak of a few seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from heartwire.benchmarks.figures import END_TO_END
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.pipelines.own import engine_settings, own
from heartwire.benchmarks.result import Result
from heartwire.benchmarks.scenarios import faults, soak
from heartwire.benchmarks.workload import Workload
from heartwire.engine.errors import ConfigError

LOAD = Workload(beds=2, leads=2, rate_hz=250.0, message_ms=100.0, seconds=8.0, patients=1, cycle_s=8.0)


@pytest.fixture(scope="module")
def harness(tape_folder: Path) -> Harness:
    return Harness(own({"provider": "cpu"}), tape_folder=tape_folder)


@pytest.fixture(scope="module")
def result(harness: Harness) -> Result:
    return soak.measure(harness, LOAD)


def test_the_soak_is_valid_and_tells_growth_and_drift(result: Result) -> None:
    assert result.valid, result.invalid_because
    assert {"RSS growth after warm-up %", "RSS slope MB/h", "ECG p50, last third / middle third"} <= set(
        result.headline
    )
    assert not result.checks, "so short a run is told, not judged"


def test_every_sample_is_accounted_for(result: Result) -> None:
    ledgers = result.runs[0].ledgers
    assert {stream: r.offered for stream, r in ledgers.items()} == {"bed-1/ecg": 2000, "bed-2/ecg": 2000}
    assert all(r.final and r.processed == r.offered for r in ledgers.values())


def test_latency_is_told_by_stage_and_no_percentile_without_samples(result: Result) -> None:
    stages = result.runs[0].kinds["beat"].stages
    assert {"pacing", "transport", "queue", "inference", "delivery", END_TO_END} <= set(stages)
    assert stages[END_TO_END].min_ms >= stages["inference"].min_ms
    assert stages[END_TO_END].n < 64
    assert stages[END_TO_END].percentiles_ms["p99"] is None
    assert stages[END_TO_END].upper_99_ms["p99.9"] is None


def test_processes_and_pauses_of_the_collector_are_told(result: Result) -> None:
    run = result.runs[0]
    workers = {name for name in run.resources if name.startswith("work-ecg")}
    assert set(run.resources) == {*workers, "load", "observer"}
    assert workers
    assert set(run.gc_pauses) == workers
    assert any("runs on CPU" in note for note in run.notes)
    assert "ecg-beats" in result.environment["models"]
    assert len(result.environment["configuration"]) == 16


def test_a_worker_that_is_killed_loses_nothing(harness: Harness) -> None:
    result = faults.measure(harness, LOAD, faults=("worker-killed",))
    assert result.valid, result.invalid_because
    assert list(result.runs[0].restarts.values()) == [1]


def test_settings_that_the_engine_does_not_have_are_refused() -> None:
    assert engine_settings({"snapshot_s": 5}).snapshot_s == 5.0
    with pytest.raises(ConfigError, match="engine has no setting nonsense"):
        engine_settings({"nonsense": 1})
    with pytest.raises(ConfigError, match="engine: "):
        engine_settings({"snapshot_s": "soon"})
