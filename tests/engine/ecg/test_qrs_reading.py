"""Looking at the signals of many beds at once gives what looking at each alone gives."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.pacing import AFTER, PacerPulse
from heartwire.engine.ecg.qrs import QRS_LOOKS_BACK, QrsDetector, RPeak
from heartwire.engine.ecg.qrs_reading import readings
from heartwire.engine.ecg.slots import FRAME
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.inference import Model
from heartwire.engine.messages import FloatArray
from heartwire.engine.stacking import together

MODEL = Model("ecg-qrs", provider="cpu")
N_BEDS = 5


def signal(bed: int) -> FloatArray:
    t = np.arange(2400) / 250.0
    wave = np.exp(-((((t % (0.6 + 0.1 * bed)) - 0.3) / 0.012) ** 2))
    noise = np.random.default_rng(bed).normal(0.0, 0.02, (len(t), 2))
    return (wave[:, None] * (1.0, 0.5) + noise).astype(np.float32)


def detectors() -> list[tuple[QrsDetector, Tail]]:
    tails = [Tail(QRS_LOOKS_BACK, 2) for _ in range(N_BEDS)]
    return [(QrsDetector(MODEL, tail), tail) for tail in tails]


@settings(max_examples=8, deadline=None)
@given(cuts=st.lists(st.integers(0, 2400), min_size=2, max_size=20))
def test_beds_side_by_side_show_the_peaks_that_each_shows_alone(cuts: list[int]) -> None:
    beds, others = detectors(), detectors()
    for one, _ in others:
        one._reading = None
    for begin, end in pairwise([0, *sorted(cuts), 2400]):
        # A pulse that is alone bars the peak that the network takes it for.
        pulses = [PacerPulse(at, 1.0, alone=True) for at in range(75, 2400, 450) if begin <= at + AFTER < end]
        for number, (_, tail) in enumerate(beds):
            tail.append(signal(number)[begin:end])
        expected: list[list[RPeak]] = []
        for number, (one, tail) in enumerate(others):
            tail.append(signal(number)[begin:end])
            ((_, peaks),) = together([one.asking(pulses)])
            expected.append(peaks)
        assert dict(together([one.asking(pulses) for one, _ in beds])) == dict(enumerate(expected))
        for (one, tail), (alone, _) in zip(beds, others, strict=True):
            assert one.snapshot() == alone.snapshot()
            last = tail.n // FRAME * FRAME
            if last:
                assert one.quality(last).tolist() == alone.quality(last).tolist()


def test_beds_of_one_network_are_read_together_and_those_of_onnx_runtime_are_not() -> None:
    found = readings(MODEL.stack)
    assert found is not None
    assert readings(MODEL.stack) is found
    assert readings(Model("ecg-vf", provider="cpu").stack) is None


def test_what_is_read_does_not_outlast_a_reset() -> None:
    (one, tail), *_ = detectors()
    tail.append(signal(0))
    ((_, first),) = together([one.asking()])
    one.reset()
    tail.reset()
    tail.append(signal(0))
    ((_, again),) = together([one.asking()])
    assert again == first
    assert sum(peak.confirmed for peak in first) == pytest.approx(16, abs=2)
