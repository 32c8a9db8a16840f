from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine import registry, testing
from heartwire.engine.ecg.conditioning import Conditioned, Conditioner
from heartwire.engine.ecg.pacing import LOOKS_BACK, ROWS, PacerPulse, PulseFinder
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.messages import AlarmEvent, Beat, EcgChunk, EndOfStream, Item
from heartwire.streams.simulators.test_waves import RATE_HZ, Wave, every_wave

WAVES = {wave.name: wave for wave in every_wave()}


def conditioned(wave: Wave) -> Conditioned:
    lead = wave.samples()
    return Conditioner(RATE_HZ, 2).process(np.concatenate((lead, np.zeros_like(lead)), axis=1))


def part(whole: Conditioned, first: int, end: int) -> Conditioned:
    return Conditioned(*(each[first:end] for each in whole))


def signal() -> Tail:
    return Tail(LOOKS_BACK, ROWS)


def pulses(name: str) -> list[PacerPulse]:
    found = PulseFinder(signal()).take(conditioned(WAVES[name]), (0, 1))
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
    samples = part(conditioned(WAVES["pacer-2mv-2ms-overshoot-alone"]), 5000, 8000)
    whole = PulseFinder(signal()).take(samples, (0, 1))
    kept, found = signal(), []
    for begin, end in zip([0, *sorted(cuts)], [*sorted(cuts), 3000], strict=True):
        found += PulseFinder(kept).take(part(samples, begin, end), (0, 1))
    assert found == whole
    assert len(whole) > 10


def test_leads_are_put_where_they_are_asked_for_and_found_as_if_written_there() -> None:
    samples = part(conditioned(WAVES["pacer-2mv-2ms-overshoot-alone"]), 5000, 8000)
    kept, written = signal(), signal()
    found = PulseFinder(kept).take(samples, (1,))
    assert (kept.rows(0, 3000)[:, 0] == samples.samples[:, 1]).all()
    assert (kept.rows(0, 3000)[:, 2] == samples.sharp[:, 1]).all()
    assert not kept.rows(0, 3000)[:, 1::2].any()
    written.append(samples.samples, samples.sharp)
    assert PulseFinder(written).find(0) == PulseFinder(signal()).take(samples, (0, 1))
    assert found == []


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
