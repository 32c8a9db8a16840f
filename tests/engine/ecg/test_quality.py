from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import wfdb

from heartwire.engine.ecg.conditioning import Conditioned, Conditioner
from heartwire.engine.ecg.quality import HOP, QualityMeter

Signal = npt.NDArray[np.float32]
RATE_HZ = 250.0


def beats(seconds: float = 10.0) -> Signal:
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    phase = np.mod(t, 0.8) - 0.4
    wave = np.exp(-((phase / 0.012) ** 2)) + 0.2 * np.exp(-(((phase - 0.25) / 0.04) ** 2))
    return (wave + 0.002 * np.sin(40 * t)).astype(np.float32)[:, None]


def part(conditioned: Conditioned, first: int, end: int) -> Conditioned:
    return Conditioned(*(each[first:end] for each in conditioned))


def whole_hops(conditioned: Conditioned) -> Conditioned:
    return part(conditioned, 0, len(conditioned.samples) // HOP * HOP)


def last_quality(signal: Signal) -> tuple[float, bool]:
    conditioned = Conditioner(RATE_HZ, signal.shape[1]).process(signal)
    meter = QualityMeter(signal.shape[1])
    now = meter.measure(whole_hops(conditioned))
    return float(now.quality[-1, 0]), bool(now.off[-1, 0])


def test_clean_beats_are_good() -> None:
    quality, off = last_quality(beats())
    assert quality > 0.8
    assert not off


def test_white_noise_is_bad() -> None:
    noise = np.random.default_rng(1).normal(0, 0.3, (2500, 1)).astype(np.float32)
    assert last_quality(noise)[0] < 0.15
    assert last_quality(beats() + noise)[0] < 0.3


def test_fibrillation_is_not_noise() -> None:
    t = np.arange(2500) / RATE_HZ
    wave = 0.4 * np.sin(2 * np.pi * 4.5 * t + np.sin(2 * np.pi * 0.3 * t))
    assert last_quality(wave.astype(np.float32)[:, None])[0] > 0.5


@pytest.mark.parametrize("value", [0.0, -3.2, np.nan, np.inf])
def test_a_lead_without_a_signal_is_off(value: float) -> None:
    signal = beats()
    signal[1000:] = value
    assert last_quality(signal) == (0.0, True)


def test_a_lead_is_on_again_soon_after_its_signal_is_back() -> None:
    signal = beats()
    signal[:2300] = 0.0
    assert not last_quality(signal)[1]


def test_an_absurd_amplitude_is_bad() -> None:
    swing = 20.0 * np.sin(2 * np.pi * np.arange(2500) / RATE_HZ).astype(np.float32)[:, None]
    assert last_quality(beats() + swing)[0] == 0.0


def test_many_hops_at_once_are_judged_as_one_by_one_also_after_a_snapshot() -> None:
    noise = np.random.default_rng(2).normal(0, 0.02, (2500, 1)).astype(np.float32)
    conditioned = whole_hops(Conditioner(RATE_HZ, 1).process(beats() + noise))
    together = QualityMeter(1).measure(conditioned)
    meter, other = QualityMeter(1), QualityMeter(1)
    qualities = []
    for hop, at in enumerate(range(0, len(conditioned.samples), HOP)):
        if hop == 37:
            other.restore(meter.snapshot())
            meter = other
        qualities.append(meter.measure(part(conditioned, at, at + HOP)).quality)
    np.testing.assert_array_equal(np.concatenate(qualities), together.quality)
    assert not len(meter.measure(part(conditioned, 0, 0)).quality)


@pytest.mark.parametrize(("record", "least", "most"), [("mitdb/100", 0.8, 1.0), ("nstdb/ma", 0.0, 0.6)])
def test_quality_on_recordings(data_dir: Path, record: str, least: float, most: float) -> None:
    read = wfdb.rdrecord(str(data_dir / record), sampto=360 * 120, channels=[0])
    conditioned = Conditioner(read.fs, 1).process(read.p_signal.astype(np.float32))
    values = QualityMeter(1).measure(whole_hops(conditioned)).quality
    assert least <= np.median(values[16:]) <= most
