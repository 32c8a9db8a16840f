from __future__ import annotations

import pytest

from heartwire.benchmarks.accuracy.alarms_run import AlarmsResult, alarms_page, run_wave, tables
from heartwire.streams.simulators.test_waves import every_wave

WAVES = {wave.name: wave for wave in every_wave()}


@pytest.mark.parametrize(("name", "least_s", "most_s"), [("vt-206-1mv", 1.0, 8.0), ("asystole", 4.0, 4.5)])
def test_the_alarm_comes_in_time_however_the_wave_is_begun(name: str, least_s: float, most_s: float) -> None:
    figures = run_wave(WAVES[name])
    assert len(figures.delays_s) > 1
    assert all(delay is not None and least_s <= delay <= most_s for delay in figures.delays_s)


@pytest.mark.parametrize("name", ["irregular-3b", "tall-t-1.2", "step-80-40"])
def test_the_heart_rate_shown_is_that_of_the_wave(name: str) -> None:
    figures = run_wave(WAVES[name])
    assert figures.rate_bpm is not None
    assert figures.rates_bpm == pytest.approx((figures.rate_bpm, figures.rate_bpm), rel=0.05)


def test_what_is_not_alarmed_is_told_as_such() -> None:
    wave = run_wave(WAVES["drift"])
    silent = type(wave)(
        name="vt",
        text="t",
        asked=["VT"],
        alarms=[],
        delays_s=[None],
        rate_bpm=None,
        rates_bpm=None,
        besides=[],
        begun={"ASYSTOLE": [(4.2, 0.3)]},
    )
    result = AlarmsResult(environment={}, waves=[wave, silent], tachycardia_mean_s=None, tachycardia_max_s=None)
    delays, rates, alarms = tables(result)
    assert ["ASYSTOLE", "4.5", "1", "4.20", "4.20", "0.30"] in delays.rows
    assert rates.rows == [["drift", "80", "80 to 80", ""]]
    assert alarms.rows == [["vt", "-", "-", "-", "", ""]]
    assert "not every one" in alarms.notes[0]
    assert "<svg" in alarms_page(result)
