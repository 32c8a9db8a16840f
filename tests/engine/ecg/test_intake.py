"""Taking in the samples of many beds at once gives what each step gives alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.conditioning import Conditioner
from heartwire.engine.ecg.intake import Intake
from heartwire.engine.ecg.pacing import ROWS, PulseFinder
from heartwire.engine.ecg.quality import QualityMeter
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.stacking import together

KEPT = 300


def source(rate_hz: float, n_leads: int, seed: int) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(seed)
    samples = random.normal(0.0, 0.2, (round(6 * rate_hz), n_leads)).astype(np.float32)
    samples[random.integers(0, len(samples), 12)] += 2.0
    samples[random.integers(0, len(samples), 5)] = np.nan
    return samples


def bed(rate_hz: float, n_leads: int) -> Intake:
    return Intake(Conditioner(rate_hz, n_leads), QualityMeter(n_leads), Tail(KEPT, ROWS))


BEDS = [(250.0, 2, (0, 1)), (360.0, 1, (0,)), (500.0, 12, (7, 3)), (128.0, 3, (2, 0))]


@settings(max_examples=10, deadline=None)
@given(cuts=st.lists(st.integers(1, 500), min_size=3, max_size=12))
def test_beds_side_by_side_are_taken_in_as_by_each_step_alone(cuts: list[int]) -> None:
    signals = [source(rate_hz, n_leads, n) for n, (rate_hz, n_leads, _) in enumerate(BEDS)]
    beds = [bed(rate_hz, n_leads) for rate_hz, n_leads, _ in BEDS]
    others = [bed(rate_hz, n_leads) for rate_hz, n_leads, _ in BEDS]
    at = 0
    for cut in cuts:
        pieces = [signal[at : at + cut] for signal in signals]
        at += cut
        askings = [one.asking(piece, leads) for one, piece, (*_, leads) in zip(beds, pieces, BEDS, strict=True)]
        for number, taken in together(askings):
            alone, leads = others[number], BEDS[number][2]
            conditioned = alone.conditioner.process(pieces[number])
            measured = alone.meter.measure(conditioned)
            assert taken.pulses == PulseFinder(alone.signal).take(conditioned, leads)
            for told, expected in zip(
                taken.numbers, (conditioned.samples, conditioned.high, conditioned.sharp), strict=True
            ):
                np.testing.assert_array_equal(told, expected)
            assert taken.n_hops == len(measured.quality)
            assert taken.quality.tolist() == measured.quality.tolist()
            assert taken.off.tolist() == measured.off.tolist()
        for one, alone in zip(beds, others, strict=True):
            assert one.conditioner.snapshot() == alone.conditioner.snapshot()
            assert (one.conditioner.n_source, one.conditioner.n_grid) == (alone.conditioner.n_source, one.signal.n)
            assert one.meter.snapshot() == alone.meter.snapshot()
            assert one.signal.snapshot() == alone.signal.snapshot()
