"""Device times land on the engine clock: steady, never in the future, never backwards, whatever the device does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.clock import ClockJump, DeviceClock, sample_time_ns

SECOND = 1_000_000_000
START = 5_000 * SECOND
DELAY_NS = 2_000_000


def arrivals(device_ns: npt.NDArray[np.int64], ppm: float, jitter_ms: float, seed: int = 0) -> npt.NDArray[np.int64]:
    """Give arrival times: drift, a fixed 2 ms, and exponential jitter."""
    jitter = np.random.default_rng(seed).exponential(jitter_ms * 1e6, len(device_ns))
    return (START + device_ns * (1 + ppm * 1e-6) + DELAY_NS + jitter).astype(np.int64)


def run(
    clock: DeviceClock, device_ns: npt.NDArray[np.int64], arrived_ns: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], list[ClockJump]]:
    mapped = [clock.map(int(d), int(a)) for d, a in zip(device_ns, arrived_ns, strict=True)]
    return np.array([m.captured_ns for m in mapped]), [m.jump for m in mapped if m.jump]


def messages(seconds: float, every_ms: int = 100) -> npt.NDArray[np.int64]:
    return np.arange(1, int(seconds * 1000 / every_ms)) * every_ms * 1_000_000


@pytest.mark.parametrize("ppm", [-300.0, 0.0, 100.0, 800.0])
def test_drift_is_followed_and_jitter_removed(ppm: float) -> None:
    clock = DeviceClock()
    device = messages(600)
    captured, jumps = run(clock, device, arrivals(device, ppm, jitter_ms=5))
    error_ms = (captured - (START + device * (1 + ppm * 1e-6) + DELAY_NS))[1200:] / 1e6
    assert jumps == []
    assert np.abs(error_ms).max() < 1.5
    assert np.std(np.diff(error_ms)) < 0.1
    assert clock.drift_ppm == pytest.approx(ppm, abs=20)
    assert 0.002 < clock.jitter_s < 0.01


def test_a_stall_and_its_burst_move_nothing() -> None:
    clock = DeviceClock()
    device = messages(60)
    arrived = arrivals(device, 0, jitter_ms=1)
    stalled = (device > 30 * SECOND) & (device < 32 * SECOND)
    arrived[stalled] = START + 32 * SECOND + np.arange(stalled.sum()) * 100_000
    captured, jumps = run(clock, device, arrived)
    assert jumps == []
    assert np.abs(captured - START - device - DELAY_NS)[100:].max() < 1_000_000


@pytest.mark.parametrize("jump_s", [2.0, -2.0, 200_000.0, -200_000.0])
def test_a_device_clock_that_jumps_is_reported_once_and_anchored_anew(jump_s: float) -> None:
    clock = DeviceClock()
    device = messages(60)
    true = START + device + DELAY_NS
    arrived = arrivals(device, 0, jitter_ms=1)
    shown = np.where(device > 30 * SECOND, device + int(jump_s * SECOND), device)
    captured, jumps = run(clock, shown, arrived)
    assert len(jumps) == 1
    assert jumps[0].jump_s == pytest.approx(jump_s, abs=0.1)
    assert np.abs(captured - true)[-100:].max() < 10_000_000
    assert np.all(np.diff(captured) >= 0)


def test_a_backlog_at_the_start_is_no_jump() -> None:
    clock = DeviceClock()
    device = messages(120)
    arrived = np.maximum(arrivals(device, 0, jitter_ms=1), START + 60 * SECOND)
    captured, jumps = run(clock, device, arrived)
    assert jumps == []
    assert np.abs(captured - START - device - DELAY_NS)[-300:].max() < 2_000_000


@given(st.lists(st.tuples(st.integers(0, 2**62), st.integers(0, 10 * SECOND)), min_size=1, max_size=60))
def test_absurd_device_times_never_stop_it_nor_turn_time_back(steps: list[tuple[int, int]]) -> None:
    clock = DeviceClock()
    arrived, last = START, 0
    for device_ns, wait_ns in steps:
        arrived += wait_ns
        captured = clock.map(device_ns, arrived).captured_ns
        assert last <= captured <= arrived
        last = captured


def test_samples_are_counted_without_rounding_up_errors() -> None:
    assert sample_time_ns(360 * 86_400, 360.0) == 86_400 * SECOND
    assert sample_time_ns(1, 250.0) == 4_000_000
