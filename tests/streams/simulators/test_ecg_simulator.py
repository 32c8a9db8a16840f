from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.errors import ConfigError
from heartwire.streams.simulators.ecg import EcgSimulator
from heartwire.streams.simulators.heart import Heart
from heartwire.streams.simulators.script import CALM, DEMO, LEADS

_QUIET: dict[str, Any] = {"noise_mv": 0.0, "wander_mv": 0.0, "mains_mv": 0.0}


def test_samples_are_float32_millivolts_of_the_leads_asked_for() -> None:
    simulator = EcgSimulator(Heart(1), leads=LEADS, rate_hz=500.0)
    samples = simulator.samples(0, 5000)

    assert samples.shape == (5000, 12)
    assert samples.dtype == np.float32
    assert 0.4 < np.ptp(samples[:, 1]) < 4.0


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=8), st.sampled_from([100.0, 128.0, 360.0, 2000.0]))
def test_samples_do_not_depend_on_how_they_are_asked_for(sizes: list[int], rate_hz: float) -> None:
    whole = EcgSimulator(Heart(8, DEMO), rate_hz=rate_hz).samples(0, sum(sizes))
    simulator = EcgSimulator(Heart(8, DEMO), rate_hz=rate_hz)
    starts = np.cumsum([0, *sizes[:-1]])
    parts = [simulator.samples(int(start), size) for start, size in zip(starts, sizes, strict=True)]

    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_a_late_stretch_is_the_same_without_what_came_before() -> None:
    heart, again = Heart(8, DEMO), Heart(8, DEMO)
    EcgSimulator(heart).samples(0, 20_000)

    assert EcgSimulator(heart).samples(40_000, 500).tobytes() == EcgSimulator(again).samples(40_000, 500).tobytes()


def test_a_lead_is_the_same_whichever_others_are_recorded() -> None:
    alone = EcgSimulator(Heart(2), leads=("V1",)).samples(0, 1000)
    among = EcgSimulator(Heart(2), leads=("II", "V1", "V5")).samples(0, 1000)

    np.testing.assert_allclose(alone[:, 0], among[:, 1], atol=1e-6)


@pytest.mark.parametrize("rate_hz", [100.0, 250.0, 360.0, 1000.0, 2000.0])
def test_beats_lie_at_the_peaks(rate_hz: float) -> None:
    simulator = EcgSimulator(
        Heart(3, "sinus 80 for 20s; vt 160 for 10s"), rate_hz=rate_hz, leads=("II", "V5"), **_QUIET
    )
    end = int(29 * rate_hz)
    size = np.linalg.norm(simulator.samples(0, end), axis=1)
    reach = round(0.12 * rate_hz)
    beats = simulator.beats(reach, end - reach)

    assert {beat.label for beat in beats} == {"N", "V"}
    for beat in beats:
        peak = beat.sample - reach + int(np.argmax(size[beat.sample - reach : beat.sample + reach]))
        assert abs(peak - beat.sample) <= max(1, 0.035 * rate_hz)


def test_beats_in_adjoining_stretches_are_each_given_once() -> None:
    simulator = EcgSimulator(Heart(3, CALM))
    whole = simulator.beats(0, 10_000)

    assert simulator.beats(0, 5_000) + simulator.beats(5_000, 10_000) == whole
    cut = whole[3].sample
    assert simulator.beats(0, cut) + simulator.beats(cut, 10_000) == whole


def test_fibrillation_swings_at_three_to_eight_hertz_and_asystole_is_flat() -> None:
    simulator = EcgSimulator(Heart(4, "vf for 20s; asystole for 10s"), **_QUIET)
    lead = simulator.samples(0, 7500)[:, 0]
    power = np.abs(np.fft.rfft(lead[500:4500] * np.hanning(4000))) ** 2
    hz = np.fft.rfftfreq(4000, 1.0 / 250.0)

    assert power[(hz > 2.5) & (hz < 9.0)].sum() > 0.9 * power.sum()
    assert np.ptp(lead[500:4500]) > 0.3
    assert np.ptp(lead[5250:7250]) < 0.01
    assert [(r.sample, r.label) for r in simulator.rhythms(0, 7500)] == [(0, "VF"), (5000, "ASYS")]


def test_ventricular_beats_are_wide() -> None:
    def width_s(script: str) -> float:
        simulator = EcgSimulator(Heart(5, script), rate_hz=1000.0, leads=("I", "aVF", "V2"), **_QUIET)
        at = simulator.beats(2000, 4000)[0].sample
        size = np.linalg.norm(simulator.samples(at - 100, 200), axis=1)
        return float((size > 0.5 * size.max()).sum()) / 1000.0

    assert width_s("vt 120") > 1.4 * width_s("sinus 120")


@pytest.mark.parametrize(("kind", "value"), [("nan", np.nan), ("flat", 0.0), ("rail", 5.0)])
def test_a_lead_that_is_off(kind: str, value: float) -> None:
    heart = Heart(6, "sinus 70 for 2s; lead_off V1 for 2s; sinus 70")
    samples = EcgSimulator(heart, leads=("II", "V1"), lead_off_as=kind).samples(0, 1500)  # type: ignore[arg-type]

    np.testing.assert_array_equal(samples[500:1000, 1], np.float32(value))
    assert np.isfinite(samples[:, 0]).all()
    assert np.isfinite(samples[:500]).all()
    assert np.isfinite(samples[1000:]).all()


def test_noise_has_the_ratio_asked_for() -> None:
    clean = EcgSimulator(Heart(7, "sinus 70"), **_QUIET)
    noisy = EcgSimulator(Heart(7, "noise 6dB for 60s; sinus 70"), **_QUIET)
    noise = noisy.samples(0, 15_000)[:, 0] - clean.samples(0, 15_000)[:, 0]
    beat = np.ptp(clean.samples(*(clean.beats(1000, 2000)[0].sample - 20, 40))[:, 0])

    assert 10.0 * np.log10(beat**2 / 8.0 / np.mean(noise**2)) == pytest.approx(6.0, abs=1.5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"rate_hz": 50.0}, "100 and 2000"),
        ({"leads": ()}, "1 to 12"),
        ({"leads": ("X",)}, "'X'"),
        ({"leads": ("II",) * 2}, "twice"),
    ],
)
def test_wrong_values_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        EcgSimulator(Heart(), **options)  # type: ignore[arg-type]


def test_it_is_much_faster_than_real_time() -> None:
    simulator = EcgSimulator(Heart(9, DEMO), rate_hz=360.0)
    simulator.samples(0, 360)
    began = time.process_time()
    simulator.samples(360, 360 * 120)

    assert time.process_time() - began < 120.0 / 300.0
