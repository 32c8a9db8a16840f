"""Latency is told by stage, with percentiles that the samples allow and no others."""

from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.messages import Trace
from heartwire.engine.trace import (
    END_TO_END,
    FROM_SENT,
    STAGES,
    Latencies,
    allowed_excess,
    samples_needed,
)

T0 = 10**15


def ms(value: float) -> int:
    return T0 + round(value * 1e6)


def test_stages_add_up_from_the_intended_time_to_the_observer() -> None:
    latencies = Latencies()
    trace = Trace(T0, ms(1), ms(3), ms(6), ms(10), ms(15), ms(21), ms(28))
    latencies.record(trace, observed_ns=ms(36))
    means = {stage: latencies.summary(stage).mean_ms for stage in latencies.stages()}
    assert list(means) == list(STAGES)
    assert list(means.values()) == pytest.approx([1, 2, 3, 4, 5, 6, 7, 8, 36, 35], rel=2e-3)


def test_a_stage_that_was_not_passed_leaves_no_sample() -> None:
    latencies = Latencies()
    latencies.record(Trace(sent_ns=T0, received_ns=ms(1), decided_ns=ms(5)), observed_ns=ms(7))
    assert latencies.stages() == ["transport", "decision", "delivery", FROM_SENT]
    assert latencies.summary("decision").mean_ms == pytest.approx(4, rel=1e-3)
    assert latencies.summary(END_TO_END).n == 0


@pytest.mark.parametrize(("percentile", "needed"), [(90, 64), (95, 130), (99, 662), (99.9, 6636), (99.99, 66381)])
def test_a_percentile_needs_its_samples(percentile: float, needed: int) -> None:
    assert samples_needed(percentile) == needed
    assert allowed_excess(needed, percentile) == 1
    assert allowed_excess(needed - 1, percentile) == 0


def test_too_few_samples_give_no_percentile() -> None:
    latencies = Latencies()
    for _ in range(661):
        latencies.record_stage("queue", 1_000_000)
    shown = {p.percentile: p for p in latencies.summary("queue").percentiles}
    assert shown[95].value_ms is not None
    assert shown[99].value_ms is None
    assert str(shown[99]) == "p99 not enough samples (needs 662)"
    latencies.record_stage("queue", 1_000_000)
    assert latencies.summary("queue", (99.0,)).percentiles[0].value_ms == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize("n", [1_999_999, 2_000_001])
def test_large_samples_allow_about_as_many_excesses_either_way_they_are_counted(n: int) -> None:
    assert allowed_excess(n, 99.9) == pytest.approx(2000 - 2.326 * np.sqrt(2000), abs=3)


def test_the_upper_bound_holds_in_99_of_100_runs() -> None:
    chance = np.random.default_rng(3)
    true_ms = -np.log(0.05)
    held = 0
    for _ in range(300):
        latencies = Latencies()
        for value in chance.exponential(1e6, 200):
            latencies.record_stage("queue", int(value))
        upper = latencies.summary("queue", (95.0,)).percentiles[0].upper_ms
        assert upper is not None
        held += upper >= true_ms * 0.999
    assert held >= 292


def test_figures_are_those_of_the_samples_to_three_digits() -> None:
    latencies = Latencies()
    values_ms = np.random.default_rng(4).lognormal(1, 1, 7000)
    for value in values_ms:
        latencies.record_stage("queue", int(value * 1e6))
    summary = latencies.summary("queue")
    ordered = np.sort(values_ms)
    assert summary.n == 7000
    assert summary.min_ms == pytest.approx(ordered[0], rel=2e-3, abs=1e-3)
    assert summary.max_ms == pytest.approx(ordered[-1], rel=2e-3)
    assert summary.mean_ms == pytest.approx(values_ms.mean(), rel=2e-3)
    assert summary.sd_ms == pytest.approx(values_ms.std(), rel=2e-3)
    for p in summary.percentiles:
        assert p.value_ms == pytest.approx(ordered[round(p.percentile * 70) - 1], rel=2e-3)


def test_histograms_of_two_processes_merge_into_one() -> None:
    first, second, both = Latencies(), Latencies(), Latencies()
    for n in range(2000):
        (first if n % 3 else second).record_stage("queue", n * 1000)
        both.record_stage("queue", n * 1000)
    first.merge(second.encode())
    assert first.summary("queue") == both.summary("queue")


def test_absurd_stamps_are_counted_within_bounds() -> None:
    latencies = Latencies()
    latencies.record(Trace(sent_ns=T0, received_ns=1, dequeued_ns=2**63), observed_ns=1)
    latencies.record_stage("queue", -5)
    assert latencies.summary("transport").max_ms == 0
    assert latencies.summary("queue").max_ms == pytest.approx(3_600_000, rel=1e-3)
