from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.streams.simulators.test_waves import RATE_HZ, Wave, every_wave

WAVES = {wave.name: wave for wave in every_wave()}


@pytest.mark.parametrize("wave", WAVES.values(), ids=list(WAVES))
def test_each_wave_is_as_long_as_it_says_finite_and_the_same_every_time(wave: Wave) -> None:
    samples = wave.samples()
    assert samples.shape == (round(wave.seconds * RATE_HZ), 1)
    assert samples.dtype == np.float32
    assert np.isfinite(samples).all()
    np.testing.assert_array_equal(samples, wave.samples())
    assert set(wave.conditions) <= set(CONDITIONS)
    assert wave.conditions or wave.rate_bpm


@pytest.mark.parametrize(("name", "mv"), [("vt-206-0.5mv", 0.5), ("vt-206-1mv", 1.0), ("vt-195-4mv", 4.0)])
def test_tachycardia_has_its_size_peak_to_peak_and_its_rate(name: str, mv: float) -> None:
    wave = WAVES[name]
    after = wave.samples()[round((wave.onset_s + 2.0) * RATE_HZ) :, 0]
    assert np.ptp(after) == pytest.approx(mv, rel=0.08)
    spectrum = np.abs(np.fft.rfft(after - after.mean()))
    hz = np.fft.rfftfreq(len(after), 1.0 / RATE_HZ)
    assert 60.0 * hz[spectrum.argmax()] % float(name.split("-")[1]) == pytest.approx(0.0, abs=3.0)


def test_asystole_is_silent_after_its_last_beat() -> None:
    wave = WAVES["asystole"]
    samples = wave.samples()[:, 0]
    assert np.ptp(samples[round((wave.onset_s + 0.6) * RATE_HZ) :]) < 0.06
    assert samples[round(wave.onset_s * RATE_HZ)] == pytest.approx(1.0, abs=0.1)


def test_pacer_pulses_are_clipped_at_the_amplifiers_rails() -> None:
    assert np.abs(WAVES["pacer-700mv-2ms-paced"].samples()).max() == pytest.approx(5.0)
