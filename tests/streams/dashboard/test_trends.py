"""The trends of a bed."""

from __future__ import annotations

from pathlib import Path

from heartwire.streams.dashboard.trends import STEP_S, Trends

STEP_MS = STEP_S * 1000


def test_heart_rates_are_averaged_a_step_and_unknown_where_there_is_none() -> None:
    trends = Trends()
    assert trends.since(0) is None
    for at_ms, rate_bpm in ((0, 60.0), (5000, 80.0), (2 * STEP_MS, 90.0)):
        trends.heart_rate(at_ms, rate_bpm)
    trend = trends.since(0)
    assert trend is not None
    assert (trend.start_ms, trend.heart_rate_bpm) == (0, [70.0, None, 90.0])


def test_ventricular_beats_are_counted_over_the_minute_before() -> None:
    trends = Trends()
    for step in range(8):
        trends.beat(step * STEP_MS, "N")
        trends.beat(step * STEP_MS + 500, "V")
    trend = trends.since(0)
    assert trend is not None
    assert trend.pvc_per_minute == [1, 2, 3, 4, 5, 6, 6, 6]


def test_a_revised_beat_counts_as_what_it_has_become() -> None:
    trends = Trends()
    trends.beat(0, "V")
    trends.beat(10, "N")
    trends.beat(0, "S", instead_of="V")
    trends.beat(10, "V", instead_of="N")
    trend = trends.since(0)
    assert trend is not None
    assert trend.pvc_per_minute == [1]


def test_only_what_is_asked_for_is_given() -> None:
    trends = Trends()
    for step in range(10):
        trends.heart_rate(step * STEP_MS, 60.0 + step)
    trend = trends.since(7 * STEP_MS)
    assert trend is not None
    assert (trend.start_ms, trend.heart_rate_bpm) == (7 * STEP_MS, [67.0, 68.0, 69.0])


def test_trends_outlive_their_process(tmp_path: Path) -> None:
    path = tmp_path / "bed.trends"
    trends = Trends(path)
    for step in range(10):
        trends.heart_rate(step * STEP_MS, 60.0 + step)
        trends.beat(step * STEP_MS, "V")
        trends.st(step * STEP_MS, {"II": 0.1})
        trends.write()
    trends.write(last=True)
    with path.open("ab") as file:
        file.write(b'{"number": 10, "rate_s')  # killed while it wrote
    again = Trends(path)
    assert again.since(0) == trends.since(0)
    again.heart_rate(9 * STEP_MS, 71.0)
    again.heart_rate(12 * STEP_MS, 72.0)
    again.write(last=True)
    trend = Trends(path).since(8 * STEP_MS)
    assert trend is not None
    assert trend.heart_rate_bpm == [68.0, 70.0, None, None, 72.0]


def test_the_step_that_is_going_on_is_not_written_before_it_is_over(tmp_path: Path) -> None:
    trends = Trends(tmp_path / "bed.trends")
    for step in range(5):
        trends.beat(step * STEP_MS, "N")
        trends.write()
    killed = Trends(tmp_path / "bed.trends").since(0)
    assert killed is not None
    assert len(killed.pvc_per_minute) == 2
