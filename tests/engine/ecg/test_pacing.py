from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine import registry, testing
from heartwire.engine.ecg.conditioning import Conditioner
from heartwire.engine.ecg.pacing import PacerPulse, PulseFinder
from heartwire.engine.messages import AlarmEvent, Beat, EcgChunk, EndOfStream, Item
from heartwire.streams.simulators.test_waves import RATE_HZ, Wave, every_wave

WAVES = {wave.name: wave for wave in every_wave()}


def conditioned(wave: Wave) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    lead = wave.samples()
    found = Conditioner(RATE_HZ, 2).process(np.concatenate((lead, np.zeros_like(lead)), axis=1))
    return found.samples, found.sharp


def pulses(name: str) -> list[PacerPulse]:
    found = PulseFinder().process(*conditioned(WAVES[name]))
    return [pulse for pulse in found if pulse.at > 250 * WAVES[name].onset_s + 100 and pulse.height_mv > 0.5]


@pytest.mark.parametrize("kind", ["2mv-2ms", "-2mv-2ms-overshoot", "700mv-0.1ms", "700mv-2ms", "-700mv-2ms-overshoot"])
def test_a_pulse_is_alone_where_no_beat_follows(kind: str) -> None:
    lonely, captured = pulses(f"pacer-{kind}-alone"), pulses(f"pacer-{kind}-paced")
    assert len(lonely) >= 18
    assert all(pulse.alone for pulse in lonely)
    assert len(captured) >= 50
    assert not any(pulse.alone for pulse in captured)


@settings(deadline=None, max_examples=10)
@given(cuts=st.lists(st.integers(0, 3000), max_size=8))
def test_the_cutting_does_not_matter(cuts: list[int]) -> None:
    samples, sharp = (part[5000:8000] for part in conditioned(WAVES["pacer-2mv-2ms-overshoot-alone"]))
    whole = PulseFinder().process(samples, sharp)
    finder, found = PulseFinder(), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 3000], strict=True):
        found += finder.process(samples[begin:end], sharp[begin:end])
        again = PulseFinder()
        again.restore(finder.snapshot())
        finder = again
    assert found == whole
    assert len(whole) > 10


def messages(wave: Wave, first: int) -> list[Item]:
    samples = wave.samples()[first:]
    chunks = [
        EcgChunk(stream="s", first_sample=at, rate_hz=RATE_HZ, leads=("II",), samples=samples[at : at + 250])
        for at in range(0, len(samples), 250)
    ]
    return [*chunks, EndOfStream(stream="s", offered=len(samples))]


@pytest.mark.parametrize("kind", ["2mv-2ms", "700mv-0.1ms-overshoot"])
def test_pulses_after_the_last_beat_are_no_beats(kind: str) -> None:
    wave = WAVES[f"pacer-{kind}-alone"]
    first = 10 * round(RATE_HZ)
    found = testing.run(registry.processor("ecg", "s", {}), messages(wave, first))
    last = round(wave.onset_s * RATE_HZ) - first
    assert max(beat.sample for beat in found if isinstance(beat, Beat) and beat.stage == "confirmed") <= last + 5
    on = {f.condition: f for f in found if isinstance(f, AlarmEvent) and f.change == "on"}
    assert on["ASYSTOLE"].decision_sample - last <= 4.5 * RATE_HZ
    assert on["NOT_CAPTURING"].reason["pulses"] == 4


def test_the_processor_keeps_the_contract_where_pulses_do_not_capture() -> None:
    wave = WAVES["pacer-2mv-2ms-alone"]
    testing.check_processor(lambda: registry.processor("ecg", "s", {}), messages(wave, 14 * round(RATE_HZ)))
