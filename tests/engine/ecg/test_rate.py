from __future__ import annotations

from heartwire.engine.ecg.rate import RateMeter


def test_the_rate_is_from_the_median_interval() -> None:
    meter = RateMeter(250.0)
    rates = [meter.beat(sample) for sample in range(0, 2500, 250)]
    assert rates[:2] == [None, None]
    assert rates[2:] == [60.0] * 8
    assert meter.beat(2250 + 125) == 60.0


def test_bigeminy_gives_the_mean_of_its_two_intervals() -> None:
    meter = RateMeter(100.0)
    at, rate = 0, None
    for i in range(20):
        at += 60 if i % 2 else 100
        rate = meter.beat(at)
    assert rate == 75.0


def test_one_beat_found_twice_counts_once() -> None:
    meter = RateMeter(100.0)
    for sample in (0, 100, 200):
        meter.beat(sample)
    assert meter.beat(210) is None
    assert meter.beat(300) == 60.0


def test_beats_before_an_interruption_or_a_long_silence_do_not_count() -> None:
    meter = RateMeter(100.0)
    for sample in (0, 100, 200):
        meter.beat(sample)
    meter.interrupt(250)
    assert [meter.beat(sample) for sample in (240, 260, 360, 460)] == [None, None, None, 60.0]
    assert meter.beat(1000) is None
    assert meter.median_bpm(2) is None


def test_the_rate_of_the_last_beats_is_that_of_their_median_interval() -> None:
    meter = RateMeter(100.0)
    for sample in (0, 100, 200, 250, 300):
        meter.beat(sample)
    assert meter.median_bpm(3) == 120.0
    assert meter.median_bpm(4) == 120.0
    assert meter.median_bpm(5) == 80.0
    assert meter.median_bpm(6) is None


def test_a_snapshot_carries_everything() -> None:
    meter, other = RateMeter(100.0), RateMeter(250.0)
    for sample in (0, 100, 200, 250):
        meter.beat(sample)
    other.restore(meter.snapshot())
    assert [other.beat(s) for s in (300, 380)] == [meter.beat(s) for s in (300, 380)]
    assert other.rate_hz == 100.0
