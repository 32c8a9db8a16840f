from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.pulse import Pulse, PulseDetector
from heartwire.engine.ecg.pulse_channels import PulseMeter

RATE_HZ = 125.0
Signal = npt.NDArray[np.float32]


def pressure(begins_s: npt.ArrayLike, seconds: float, *, rate_hz: float = RATE_HZ, height: float = 40.0) -> Signal:
    """Give an arterial pressure with a dicrotic wave, in mmHg, whose upstrokes begin where they are told to."""
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    wave = np.full_like(t, 75.0)
    for begin_s in np.asarray(begins_s):
        u = t - begin_s
        wave += height * np.where(u > 0, (u / 0.12) * np.exp(1.0 - u / 0.12), 0.0)
        wave += 0.18 * height * np.exp(-0.5 * ((u - 0.42) / 0.04) ** 2)
    return np.asarray(wave + np.random.default_rng(0).normal(0.0, 0.2, len(t)), np.float32)


def found(signal: Signal, rate_hz: float = RATE_HZ) -> list[Pulse]:
    return PulseDetector(rate_hz).process(signal)


@pytest.mark.parametrize("rate_hz", [100.0, 125.0, 250.0, 1000.0])
@pytest.mark.parametrize("bpm", [35.0, 75.0, 190.0])
def test_every_pulse_is_found_once_where_its_upstroke_begins(rate_hz: float, bpm: float) -> None:
    begins_s = np.arange(0.5, 28.0, 60.0 / bpm)
    pulses = found(pressure(begins_s, 30.0, rate_hz=rate_hz), rate_hz)
    late = [b for b in begins_s if b > 4.0]
    told = [p.sample / rate_hz for p in pulses if p.sample > (late[0] - 0.1) * rate_hz]
    assert len(told) == len(late)
    assert np.abs(np.array(told) - late).max() < 0.1
    assert all(p.decided_at < p.sample + 0.5 * rate_hz for p in pulses)


def test_a_pressure_without_pulses_shows_none_and_pulses_that_come_back_are_found() -> None:
    begins_s = [*np.arange(0.5, 15.0, 0.8), *np.arange(40.0, 50.0, 0.8)]
    pulses = [p.sample / RATE_HZ for p in found(pressure(begins_s, 51.0))]
    assert not [p for p in pulses if 15.5 < p < 24.0]
    assert len([p for p in pulses if p > 39.9]) >= 12


def test_the_height_follows_the_pulse() -> None:
    weak = pressure(np.arange(0.5, 20.0, 0.8), 20.0, height=20.0)
    strong = pressure(np.arange(0.5, 20.0, 0.8), 20.0, height=40.0)
    ratio = np.median([p.height for p in found(strong)]) / np.median([p.height for p in found(weak)])
    assert ratio == pytest.approx(2.0, rel=0.05)


@pytest.mark.parametrize("value", [np.nan, 0.0, 80.0])
def test_a_channel_that_shows_nothing_gives_no_pulse(value: float) -> None:
    assert found(np.full(2000, value, np.float32)) == []


def test_samples_that_are_missing_in_between_make_no_pulse() -> None:
    signal = pressure(np.arange(0.5, 30.0, 0.8), 30.0)
    signal[1500:1900] = np.nan
    assert not [p for p in found(signal) if 1510 < p.sample < 1895]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20))
@settings(max_examples=25, deadline=None)
def test_neither_the_cut_nor_a_snapshot_changes_the_pulses(lengths: list[int]) -> None:
    signal = pressure(np.arange(0.5, 16.0, 0.7), 16.0)
    signal[700:760] = np.nan
    whole = found(signal)
    detector, parts, at, turn = PulseDetector(RATE_HZ), [], 0, 0
    while at < len(signal):
        length = lengths[turn % len(lengths)]
        parts += detector.process(signal[at : at + length])
        at, turn = at + length, turn + 1
        fresh = PulseDetector(RATE_HZ)
        fresh.restore(detector.snapshot())
        detector = fresh
    assert parts == whole
    assert whole


def test_a_pulse_is_given_no_sooner_than_the_sample_that_told_it() -> None:
    signal = np.stack([pressure(np.arange(0.5, 12.0, 0.8), 12.0), pressure(np.arange(0.6, 12.0, 0.8), 12.0)], axis=1)
    meter = PulseMeter(RATE_HZ, 2, origin=1000)
    meter.push(signal)
    given = [(sample, told) for sample in range(1000, 2400, 10) for told in meter.take(sample)]
    assert len({told.channel for _, told in given}) == 2
    assert all(sample - 10 < told.pulse.decided_at <= sample for sample, told in given)
    other = PulseMeter(RATE_HZ, 2, origin=0)
    other.restore(meter.snapshot())
    rest = meter.take(10_000)
    assert rest
    assert other.take(10_000) == rest
    assert meter.take(10_000) == []
