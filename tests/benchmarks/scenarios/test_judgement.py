"""What scenarios conclude from figures: growth, drift, knee, the target, penalties."""

from __future__ import annotations

import pytest

from heartwire.benchmarks.load import Phase
from heartwire.benchmarks.result import KindFigures, Point
from heartwire.benchmarks.scenarios.beds import knee
from heartwire.benchmarks.scenarios.idle import penalties
from heartwire.benchmarks.scenarios.soak import drift, memory_growth


def test_memory_that_grows_only_while_warming_up_does_not_grow() -> None:
    series = [(float(s), 100.0 + min(s, 20)) for s in range(100)]
    growth, slope_mb_h = memory_growth(series)
    assert growth == pytest.approx(0)
    assert slope_mb_h == pytest.approx(0)


def test_a_leak_is_seen_with_its_slope() -> None:
    growth, slope_mb_h = memory_growth([(float(s), 100.0 + 0.1 * s) for s in range(300)])
    assert growth > 1
    assert slope_mb_h == pytest.approx(360)


def test_too_short_a_series_says_nothing() -> None:
    assert memory_growth([(0.0, 100.0), (1.0, 200.0)]) == (0.0, 0.0)


def figures(series: list[tuple[int, float, float]]) -> KindFigures:
    return KindFigures(
        stages={}, histograms={}, jitter=None, age=None, deadline_ms=1, deadline_misses=0, first_ms=0, series=series
    )


def test_drift_is_the_last_third_over_the_middle_third() -> None:
    assert drift(figures([(s, 9.0 if s < 10 else 2.0 if s < 20 else 3.0, 9.0) for s in range(30)]), 30) == 1.5
    assert drift(figures([]), 30) == 1.0


def point(beds: int, p99_ms: float | None) -> Point:
    return Point(x=beds, figures={"p99 ms": p99_ms}, met=True)


def test_the_knee_is_the_last_size_before_p99_takes_off() -> None:
    assert knee([point(16, 6), point(32, 5), point(64, 9), point(128, 11), point(256, 40)]) == 64
    assert knee([point(16, 30), point(32, 5), point(64, 6), point(128, 11)]) == 64


def test_a_curve_that_never_takes_off_has_no_knee() -> None:
    assert knee([point(16, 30), point(32, 5), point(64, 6)]) is None
    assert knee([point(300, 40)]) is None
    assert knee([point(16, None)]) is None


def test_penalties_are_against_the_first_phase() -> None:
    phases = [Phase(0.0, 200), Phase(1.0, 15)]
    found = penalties({"xray continuous": 10.0, "xray 1 Hz": 13.0, "ecg continuous": None}, phases, "off")
    assert {name: spread.median for name, spread in found.items()} == {
        "xray p50 ms at continuous, off": 10.0,
        "xray p50 ms at 1 Hz, off": 13.0,
        "xray penalty at 1 Hz, off": 1.3,
    }
