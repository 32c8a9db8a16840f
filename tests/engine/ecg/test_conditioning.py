"""What holds for the conditioned signal."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.conditioning import DELAY_S, GRID_HZ, LIMIT_MV, Conditioned, Conditioner
from heartwire.engine.errors import SourceError


def _signal(rate_hz: float, seconds: float, n_leads: int, seed: int = 0) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(seed)
    x = random.normal(0, 0.3, (int(rate_hz * seconds), n_leads)).cumsum(axis=0) * 0.2
    return x.astype(np.float32)


def _in_pieces(
    conditioner: Conditioner, samples: npt.NDArray[np.float32], cuts: list[int]
) -> tuple[npt.NDArray[np.generic], ...]:
    parts = [conditioner.process(piece) for piece in np.split(samples, sorted(cuts))]
    return tuple(np.concatenate([part[i] for part in parts]) for i in range(len(Conditioned._fields)))


@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.sampled_from([100.0, 128.0, 250.0, 257.3, 360.0, 500.0, 1000.0, 2000.0]),
    n_leads=st.integers(1, 12),
    cuts=st.lists(st.integers(0, 200), max_size=12),
    hole=st.integers(0, 150),
)
def test_cutting_into_chunks_changes_no_bit(rate_hz: float, n_leads: int, cuts: list[int], hole: int) -> None:
    samples = _signal(rate_hz, 2.0, n_leads)
    samples[hole : hole + 20, 0] = np.nan
    whole = Conditioner(rate_hz, n_leads).process(samples)
    for one, other in zip(whole, _in_pieces(Conditioner(rate_hz, n_leads), samples, cuts), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 360.0, 999.5, 2000.0])
def test_every_rate_gives_one_grid_sample_each_4_ms(rate_hz: float) -> None:
    n_source = int(rate_hz * 10)
    conditioner = Conditioner(rate_hz, 1)
    n_grid = len(conditioner.process(np.zeros((n_source, 1), np.float32)).samples)
    assert n_grid == conditioner.n_grid == int(np.ceil(n_source * GRID_HZ / rate_hz))


@pytest.mark.parametrize("rate_hz", [100.0, 128.0, 250.0, 360.0, 1000.0])
def test_an_event_is_seen_after_the_declared_delay_at_every_rate(rate_hz: float) -> None:
    at_s = 3.0
    t = np.arange(int(6 * rate_hz)) / rate_hz
    bump = np.exp(-0.5 * ((t - at_s) / 0.02) ** 2).astype(np.float32)[:, None]
    conditioner = Conditioner(rate_hz, 1)
    peak = int(np.argmax(conditioner.process(bump).samples))
    assert peak / GRID_HZ - at_s == pytest.approx(DELAY_S, abs=1.0 / GRID_HZ + 1e-9)
    assert abs(conditioner.source_sample(peak) - at_s * rate_hz) <= rate_hz / GRID_HZ + 0.5
    assert conditioner.source_sample(conditioner.grid_sample(1234)) == 1234


def _gain(rate_hz: float, frequency_hz: float) -> float:
    t = np.arange(int(20 * rate_hz)) / rate_hz
    wave = np.sin(2 * np.pi * frequency_hz * t).astype(np.float32)[:, None]
    return float(np.std(Conditioner(rate_hz, 1).process(wave).samples[2500:4500]) * np.sqrt(2))


@pytest.mark.parametrize("rate_hz", [128.0, 360.0, 1000.0])
def test_the_pass_band_passes_and_the_rest_does_not(rate_hz: float) -> None:
    assert _gain(rate_hz, 0.05) < 0.02
    assert _gain(rate_hz, 0.5) == pytest.approx(2**-0.5, abs=0.01)
    assert _gain(rate_hz, 10.0) > 0.96
    assert _gain(rate_hz, 40.0) == pytest.approx(0.5, abs=0.02)
    assert _gain(rate_hz, 60.0) < 0.12


def test_mains_that_was_taken_out_is_reported_as_high() -> None:
    t = np.arange(3600) / 360.0
    out = Conditioner(360.0, 1).process(np.sin(2 * np.pi * 60 * t).astype(np.float32)[:, None])
    assert np.std(out.high[250:]) > 5 * np.std(out.samples[250:])


@pytest.mark.parametrize("rate_hz", [250.0, 360.0, 1000.0])
def test_a_pacing_spike_is_sharp_by_its_height_and_a_wide_complex_is_not(rate_hz: float) -> None:
    t = np.arange(int(6 * rate_hz)) / rate_hz
    x = np.exp(-0.5 * ((t - 2.0) / 0.03) ** 2)
    x[int(4.0 * rate_hz)] -= 0.7
    sharp = Conditioner(rate_hz, 1).process(x.astype(np.float32)[:, None]).sharp[:, 0]
    spike = int(np.argmax(sharp))
    assert sharp[spike] == pytest.approx(0.7, abs=0.01)
    assert spike / GRID_HZ == pytest.approx(4.0 + DELAY_S, abs=1.5 / GRID_HZ)
    assert sharp[: int(3.0 * GRID_HZ)].max() < 0.05


def test_nan_is_held_at_the_last_good_value_and_flagged() -> None:
    samples = np.full((2500, 2), 0.7, np.float32)
    samples[1000:1100, 0] = np.nan
    samples[1200, 1] = np.inf
    samples[1300, 1] = 1e30
    out = Conditioner(250.0, 2).process(samples)
    assert np.isfinite(out.samples).all()
    np.testing.assert_allclose(out.samples, 0.0, atol=1e-6)
    assert not out.valid[1005:1095, 0].any()
    assert out.valid[1120:, 0].all()
    assert not out.valid[1200, 1]
    assert not out.valid[1300, 1]


def test_a_stream_starts_without_a_step() -> None:
    out = Conditioner(500.0, 1).process(np.full((1000, 1), -300.0, np.float32))
    np.testing.assert_allclose(out.samples, 0.0, atol=1e-5)


def test_a_lead_that_comes_back_after_a_second_starts_without_a_step() -> None:
    samples = np.zeros((2500, 1), np.float32)
    samples[500:1000] = np.nan
    samples[1000:] = 5.0
    out = Conditioner(250.0, 1).process(samples)
    np.testing.assert_allclose(out.samples, 0.0, atol=1e-5)


def test_a_flat_source_is_held_and_a_step_is_limited() -> None:
    samples = np.zeros((1000, 1), np.float32)
    samples[500:] = 400.0
    out = Conditioner(250.0, 1).process(samples)
    assert out.held[20:480].all()
    assert np.abs(out.samples).max() == LIMIT_MV


@pytest.mark.parametrize("cut", [0, 1, 77, 719])
def test_restoring_a_snapshot_equals_never_stopping(cut: int) -> None:
    samples = _signal(360.0, 2.0, 3)
    whole = Conditioner(360.0, 3).process(samples)
    first = Conditioner(360.0, 3)
    before = first.process(samples[:cut])
    second = Conditioner(360.0, 3)
    second.restore(first.snapshot())
    after = second.process(samples[cut:])
    for i, expected in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([before[i], after[i]]), expected)


@pytest.mark.parametrize(("rate_hz", "n_leads"), [(99.0, 2), (2001.0, 2), (float("nan"), 2), (360.0, 0), (360.0, 13)])
def test_what_is_out_of_range_is_refused(rate_hz: float, n_leads: int) -> None:
    with pytest.raises(SourceError, match="accepted"):
        Conditioner(rate_hz, n_leads)
