"""Latency counts from the log of the load, whatever a pipeline says; jitter, age and series are as they are defined."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.benchmarks.figures import (
    END_TO_END,
    FROM_SENT,
    Seen,
    age,
    growth,
    item_figures,
    jitter,
    kind_figures,
    match,
    merged,
    queue_share,
    series,
)
from heartwire.benchmarks.load import LoadLog, Phase, StreamLog
from heartwire.benchmarks.observer import Notes

MS = 1_000_000
T0 = 10**12


def packed(values: list[int]) -> bytes:
    return np.array(values, np.int64).tobytes()


def log_of(ends: list[int], intended_ms: list[float], sent_ms: list[float], kind: str = "ecg") -> LoadLog:
    """A log of one stream, `a`; an item whose sending is None-like (negative) was kept back."""
    stream = StreamLog(
        kind=kind,
        offered=ends[-1],
        ends=packed(ends),
        intended_ns=packed([T0 + round(t * MS) for t in intended_ms]),
        sent_ns=packed([T0 + round(t * MS) if t >= 0 else 0 for t in sent_ms]),
        acked_ns=packed([0] * len(ends)),
    )
    return LoadLog(T0, T0 + 10**9, {"a": stream})


def notes_of(rows: list[tuple[int, int, float]], stamps: tuple[int, ...] = (0,) * 8) -> Notes:
    """What was seen of stream `a`: kind, number, when in ms."""
    seen = np.array([(kind, 0, number, T0 + round(ms * MS), *stamps) for kind, number, ms in rows], np.int64)
    return Notes(streams=["a"], seen=seen.tobytes(), alarms={}, ledgers={}, missing=0, duplicates=0, refused=0)


def seen_of(intended_ms: list[float], observed_ms: list[float]) -> Seen:
    intended = np.array([T0 + round(t * MS) for t in intended_ms], np.int64)
    observed = np.array([T0 + round(t * MS) for t in observed_ms], np.int64)
    n = len(intended)
    return Seen(np.zeros(n, np.int64), intended, intended + MS, observed, np.zeros((n, 8), np.int64), 0)


def test_a_finding_belongs_to_the_item_that_held_its_last_sample() -> None:
    log = log_of([10, 20, 30], [1, 2, 3], [1.5, 2.5, 3.5])
    seen = match(notes_of([(0, 9, 5), (0, 10, 6), (0, 19, 7)]), log)["beat"]
    assert ((seen.intended_ns - T0) / MS).tolist() == [1, 2, 2]
    assert seen.latency_ms.tolist() == [4, 4, 5]
    assert ((seen.sent_ns - T0) / MS).tolist() == [1.5, 2.5, 2.5]


def test_what_was_kept_back_is_known_with_the_next_item() -> None:
    log = log_of([10, 20, 30, 40], [1, 2, 3, 4], [1, -1, 3, 4])
    seen = match(notes_of([(0, 15, 6)]), log)["beat"]
    assert seen.latency_ms.tolist() == [3]


def test_findings_of_the_last_message_of_an_ecg_are_not_counted_those_of_the_last_frame_are() -> None:
    assert len(match(notes_of([(0, 25, 9)]), log_of([10, 30], [1, 2], [1, 2]))["beat"].observed_ns) == 0
    frames = match(notes_of([(1, 1, 9)]), log_of([1, 2], [1, 2], [1, 2], "xray"))
    assert frames["catheter fix"].latency_ms.tolist() == [7]


def test_findings_of_what_was_never_sent_are_told() -> None:
    seen = match(notes_of([(0, 5, 9), (0, 30, 9), (0, 99, 9)]), log_of([10, 20], [1, 2], [1, 2]))["beat"]
    assert seen.unmatched == 2
    assert len(seen.observed_ns) == 1


def test_findings_seen_before_what_they_rest_on_was_sent_are_told_and_do_not_count() -> None:
    seen = match(notes_of([(0, 5, 9), (0, 15, 1.5)]), log_of([10, 20, 30], [1, 2, 3], [1, 2, 3]))["beat"]
    assert seen.early == 1
    assert seen.latency_ms.tolist() == [8]


def test_stamps_of_another_clock_are_left_out_and_end_to_end_does_not_rest_on_any() -> None:
    log = log_of([10, 20], [1, 2], [2, 3])
    sane = notes_of([(0, 5, 9)], (7, 7, T0 + 4 * MS, T0 + 5 * MS, 0, 0, T0 + 6 * MS, T0 + 7 * MS))
    figures = kind_figures(match(sane, log)["beat"], T0, 100.0)
    assert list(figures.stages) == [
        "pacing", "transport", "queue", "decision", "publishing", "delivery", END_TO_END, FROM_SENT,
    ]  # fmt: skip
    odd = notes_of([(0, 5, 9)], (1, 2, 3, 4, 5, 6, 7, 8))
    figures = kind_figures(match(odd, log)["beat"], T0, 100.0)
    assert list(figures.stages) == ["pacing", "delivery", END_TO_END, FROM_SENT]
    assert figures.stages[END_TO_END].mean_ms == pytest.approx(8, rel=1e-2)
    assert figures.stages[FROM_SENT].mean_ms == pytest.approx(7, rel=1e-2)


def test_a_stall_of_the_load_is_in_the_latency_and_not_in_the_naive_figure() -> None:
    figures = kind_figures(match(notes_of([(0, 5, 501)]), log_of([10, 20], [0, 1], [500, 500]))["beat"], T0, 40.0)
    assert figures.stages[END_TO_END].max_ms == pytest.approx(501, rel=1e-2)
    assert figures.stages[FROM_SENT].max_ms == pytest.approx(1, rel=1e-2)
    assert figures.deadline_misses == 1


def test_age_of_information_is_the_saw_tooth() -> None:
    # Made at 0 and 10, seen at 2 and 12: between, the age goes from 2 to 12.
    found = age(seen_of([0, 10], [2, 12]))
    assert found is not None
    assert (found.mean_ms, found.peak_ms) == pytest.approx((7, 12))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 100)), min_size=2, max_size=30))
def test_age_lies_between_the_least_latency_and_its_peak(steps: list[tuple[int, int]]) -> None:
    intended = np.cumsum([step for step, _ in steps]).tolist()
    seen = seen_of(intended, [at + late for at, (_, late) in zip(intended, steps, strict=True)])
    if (found := age(seen)) is not None:
        assert min(seen.latency_ms.min(), found.peak_ms) <= found.mean_ms + 1e-9
        assert found.mean_ms <= found.peak_ms + 1e-9


def test_departures_that_keep_the_schedule_have_no_jitter() -> None:
    found = jitter(seen_of([0, 10, 25, 30], [3, 13, 28, 33]))
    assert found is not None
    assert found.departure_sd_ms == pytest.approx(0)
    assert found.period_ms == pytest.approx(10)
    assert found.p99_minus_p1_ms is None, "four findings are too few"


def test_each_second_has_its_median_and_its_worst() -> None:
    found = series(seen_of([100, 200, 2500], [101, 205, 2502]), T0)
    assert [(s, round(p50, 3), round(worst, 3)) for s, p50, worst in found] == [(0, 3.0, 5.0), (2, 2.0, 2.0)]


def test_merged_runs_have_the_findings_of_both() -> None:
    one = kind_figures(seen_of([0, 10], [1, 11]), T0, 5.0)
    other = kind_figures(seen_of([0], [9]), T0, 5.0)
    pooled = merged([{"beat": one}, {"beat": other}])["beat"]
    assert pooled.stages[END_TO_END].n == 3
    assert pooled.stages[END_TO_END].max_ms == pytest.approx(9, rel=1e-2)
    assert pooled.deadline_misses == 1
    assert queue_share(pooled) is None


def test_items_of_a_closed_loop_are_told_by_phase() -> None:
    log = log_of([1, 2, 3], [0, 1, 2], [0, 1, 2], "xray")
    stream = log.streams["a"]
    stream.acked_ns = packed([T0 + 4 * MS, T0 + 5 * MS, T0 + 12 * MS])
    figures = item_figures(log, (Phase(0.0, 2), Phase(0.1, 1)))
    assert {name: round(f.max_ms) for name, f in figures.items()} == {"xray continuous": 4, "xray 10 Hz": 10}
    assert item_figures(log_of([1], [0], [0])) == {}


def test_latency_that_grows_within_a_run_is_a_backlog_and_a_slow_start_is_none() -> None:
    assert growth([(s, 3.0 + 2.0 * s, 90.0) for s in range(20)]) == (7.0, 37.0)
    assert growth([(s, 40.0 if s < 3 else 3.0, 90.0) for s in range(20)]) is None
    assert growth([(s, 3.0 + 0.1 * s, 90.0) for s in range(20)]) is None
    assert growth([(0, 1.0, 1.0), (1, 100.0, 100.0)]) is None
