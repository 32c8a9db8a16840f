"""ST levels: what is put into the ST segment comes out, of normal beats alone, however the signal is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.st_segment import StMeter
from heartwire.engine.messages import FloatArray
from heartwire.streams.simulators.ecg import EcgSimulator
from heartwire.streams.simulators.heart import Heart

RATE_HZ = 250.0
RAISED_MV = (0.2, -0.1)


def recorded(raised_mv: tuple[float, float] = (0.0, 0.0)) -> tuple[FloatArray, list[int]]:
    """Give 40 s of simulated sinus rhythm whose ST segments are raised by so much, and the R peaks."""
    simulator = EcgSimulator(Heart(3, "sinus 75"), rate_hz=RATE_HZ)
    samples = simulator.samples(0, 10_000).copy()
    peaks = [beat.sample for beat in simulator.beats(0, 10_000)]
    for r in peaks:
        samples[r + 15 : r + 50] += np.array(raised_mv, np.float32)
    return samples, peaks


def told(
    samples: FloatArray, peaks: list[int], sizes: list[int], normal: bool = True
) -> list[tuple[float | None, ...]]:
    """Give what is told where a beat is known 100 samples after its R peak, and samples come in pieces."""
    meter, found, at, waiting, n = StMeter(RATE_HZ, 2), [], 0, list(peaks), 0
    while at < len(samples):
        size = sizes[n % len(sizes)]
        n += 1
        meter.push(at, samples[at : at + size])
        at += size
        while waiting and waiting[0] + 100 <= at:
            if (levels := meter.beat(waiting.pop(0), normal)) is not None:
                found.append(levels[0])
    return found


def test_what_raises_the_st_segment_comes_out() -> None:
    before, after = (told(*recorded(raised_mv), [10]) for raised_mv in ((0.0, 0.0), RAISED_MV))
    assert len(before) == len(after) == 3
    for flat, raised in zip(before, after, strict=True):
        for lead, expected_mv in enumerate(RAISED_MV):
            low, high = flat[lead], raised[lead]
            assert low is not None
            assert high is not None
            assert abs(low) < 0.1
            assert high - low == pytest.approx(expected_mv, abs=0.02)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 4000), min_size=1, max_size=6))
def test_levels_do_not_depend_on_how_the_signal_was_cut(sizes: list[int]) -> None:
    samples, peaks = recorded(RAISED_MV)
    assert told(samples, peaks, sizes) == told(samples, peaks, [25])


def test_beats_that_are_not_normal_are_not_measured() -> None:
    assert told(*recorded(), [25], normal=False) == []


def test_a_lead_that_is_off_has_no_level() -> None:
    samples, peaks = recorded()
    samples[:, 1] = np.nan
    assert all(levels[0] is not None and levels[1] is None for levels in told(samples, peaks, [25]))


def test_a_meter_goes_on_from_its_snapshot() -> None:
    samples, peaks = recorded()
    one, other = StMeter(RATE_HZ, 2), StMeter(RATE_HZ, 2)
    found: dict[int, list[object]] = {0: [], 1: []}
    for number, r in enumerate(peaks[:-1]):
        for n, meter in enumerate((one, other)):
            meter.push(r, samples[r : peaks[number + 1]])
            found[n].append(meter.beat(r, True))
        fresh = StMeter(RATE_HZ, 2)
        fresh.restore(other.snapshot())
        other = fresh
    assert found[0] == found[1]
    assert any(found[0])
