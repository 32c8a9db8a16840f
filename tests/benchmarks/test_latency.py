"""The latency benchmark runs a whole engine, observes it from outside, and never gives a percentile it cannot."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from heartwire.benchmarks import report
from heartwire.benchmarks.latency import END_TO_END, Result, Workload, measure


@pytest.fixture(scope="module")
def result() -> Result:
    load = Workload(beds=2, labs=1, seconds=6.0, frame_px=256, provider="cpu")
    return measure(load, lambda _: None, lambda _: None)


def test_the_run_is_valid_and_every_sample_and_frame_is_accounted_for(result: Result) -> None:
    assert result.valid, result.invalid_because
    assert {s: r.offered for s, r in result.ledgers.items()} == {"bed-1/ecg": 1500, "bed-2/ecg": 1500, "lab-1/xray": 90}
    assert all(r.final for r in result.ledgers.values())


def test_latency_is_seen_from_the_intended_time_and_from_sending(result: Result) -> None:
    for kind in ("beat", "catheter fix"):
        stages = result.stages[kind]
        assert stages[END_TO_END].n > 0
        assert stages[END_TO_END].min_ms >= stages["inference"].min_ms


def test_percentiles_that_the_run_is_too_short_for_are_not_given(result: Result) -> None:
    figures = result.stages["beat"][END_TO_END]
    assert figures.n < 64
    assert figures.percentiles_ms["p99"] is None
    assert figures.upper_99_ms["p99.9"] is None


def test_the_result_names_machine_models_and_use(result: Result) -> None:
    assert "ecg-beats" in result.environment["models"]
    assert any("runs on CPU" in line for line in result.providers)
    assert result.resources["work-ecg"]["rss_mb"] > 10


def test_the_report_is_one_page_with_plots_and_the_result_reads_back(result: Result, tmp_path: Path) -> None:
    report.write(result, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 2
    assert "src=" not in page
    assert msgspec.json.decode((tmp_path / "result.json").read_bytes(), type=Result).stages == result.stages
