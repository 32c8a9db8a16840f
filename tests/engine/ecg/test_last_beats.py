from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg import beat_context
from heartwire.engine.ecg.last_beats import (
    ABSENT,
    CHANNELS,
    FEATURES,
    LEADS,
    N_BEATS,
    N_IRREGULAR,
    P_POINTS,
    LastBeats,
    atrial,
    irregular,
    thinned,
)

RATE_HZ = 250.0
WIDTH = beat_context.WIDTH
Row = list[tuple[str, float]]
beats = st.lists(st.tuples(st.sampled_from("NSVFQ"), st.floats(0.05, 4.0)), max_size=70)


def wave(n: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(n).normal(0.0, 0.1, (CHANNELS, WIDTH)).astype(np.float32)


def tell(last: LastBeats, row: Row, at: int = 0, first: int = 0) -> int:
    for n, (label, rr_s) in enumerate(row, first):
        at += round(rr_s * RATE_HZ)
        last.beat(at, RATE_HZ, label, wave(n))
    return at


def numbers(row: Row) -> npt.NDArray[np.float32]:
    last = LastBeats()
    tell(last, row)
    return last.features()[:N_IRREGULAR]


def test_waves_are_those_of_the_beat_network() -> None:
    assert CHANNELS <= beat_context.CHANNELS
    assert WIDTH >= 2 * P_POINTS


def test_regular_beats_and_irregular_ones_differ_in_every_measure_of_irregularity() -> None:
    regular = numbers([("N", 0.8)] * 30)
    random = np.random.default_rng(0)
    irregular_ = numbers([("N", float(rr)) for rr in random.uniform(0.4, 1.2, 30)])
    assert (irregular_[:9] > regular[:9]).all()


def test_ventricular_beats_do_not_make_a_regular_rhythm_irregular() -> None:
    ectopic = numbers(([("N", 0.8)] * 4 + [("V", 0.5), ("N", 1.1)]) * 5)
    assert ectopic[:9] == pytest.approx(numbers([("N", 0.8)] * 30)[:9])


def test_no_interval_counts_across_missing_samples() -> None:
    joined, parted = LastBeats(), LastBeats()
    at = tell(joined, [("N", 0.8)] * 10)
    tell(joined, [("N", 0.8)] * 10, at)
    at = tell(parted, [("N", 0.8)] * 10)
    parted.interrupt()
    tell(parted, [("N", 2.5)] + [("N", 0.8)] * 9, at)
    assert parted.features()[:9] == pytest.approx(joined.features()[:9])


def test_only_the_last_beat_can_be_revised() -> None:
    last = LastBeats()
    at = tell(last, [("N", 0.8)] * 4)
    before = last.features()
    last.revise(at - 1, "V")
    np.testing.assert_array_equal(last.features(), before)
    last.revise(at, "V")
    assert (last.features() != before).any()


def test_the_atria_are_described_alike_whichever_way_up_and_in_whichever_lead_they_are() -> None:
    points = thinned(wave(0))
    points[1::2] = 0.0
    turned = -points
    other = points[[1, 0, 3, 2]]
    for changed in (turned, other):
        for one, other_ in zip(atrial(changed), atrial(points), strict=True):
            np.testing.assert_allclose(one, other_, atol=1e-5)
    assert not any(told.any() for told in atrial(np.zeros((CHANNELS, P_POINTS), np.float32)))


def test_level_and_slope_of_the_baseline_do_not_matter() -> None:
    tilted = wave(1) + np.linspace(-1.0, 2.0, WIDTH, dtype=np.float32)
    np.testing.assert_allclose(thinned(tilted), thinned(wave(1)), atol=1e-5)
    assert thinned(tilted).shape == (2 * LEADS, P_POINTS)


@given(beats)
@settings(deadline=None)  # the first call compiles
def test_many_windows_at_once_are_what_they_are_one_by_one(row: Row) -> None:
    last = LastBeats()
    rr_s, kinds = np.zeros(N_BEATS, np.float32), np.full(N_BEATS, ABSENT, np.uint8)
    windows, single = [], []
    at, before = 0, -1
    for n, (label, rr) in enumerate(row):
        at += round(rr * RATE_HZ)
        last.beat(at, RATE_HZ, label, wave(n))
        rr_s = np.append(rr_s, np.float32(0.0 if before < 0 else (at - before) / RATE_HZ))[1:]
        kinds = np.append(kinds, np.uint8({"V": 1, "F": 1, "S": 2}.get(label, 0)))[1:]
        windows.append((rr_s, kinds))
        single.append(last.features())
        before = at
    if windows:
        together = irregular(np.stack([w[0] for w in windows]), np.stack([w[1] for w in windows]))
        np.testing.assert_allclose(together, np.stack(single)[:, :N_IRREGULAR], atol=1e-5)
        assert np.isfinite(single).all()
        assert single[0].shape == (FEATURES,)


@given(beats, st.integers(0, 70))
@settings(deadline=None)  # the first call compiles
def test_a_restored_state_goes_on_as_if_nothing_had_happened(row: Row, cut: int) -> None:
    whole, halved = LastBeats(), LastBeats()
    tell(whole, row)
    at = tell(halved, row[:cut])
    state = halved.snapshot()
    halved = LastBeats()
    halved.restore(state)
    tell(halved, row[cut:], at, len(row[:cut]))
    np.testing.assert_array_equal(halved.features(), whole.features())
    assert halved.samples == whole.samples
