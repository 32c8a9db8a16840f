from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine import registry, testing
from heartwire.engine.ecg.conditioning import Conditioner
from heartwire.engine.ecg.conduction import AvBlock, ConductionMeter
from heartwire.engine.messages import AlarmEvent, EcgChunk, EndOfStream, Gap, Item
from heartwire.streams.simulators.ecg import EcgSimulator
from heartwire.streams.simulators.heart import Heart

RATE_HZ = 250.0


def blocks(word: str, seed: int, seconds: int = 34) -> list[AvBlock | None]:
    """Give what is told at each beat, every meter a copy of the one before."""
    heart = Heart(seed, f"sinus 70 for 10s; {word} for {seconds - 10}s")
    samples = Conditioner(RATE_HZ, 2).process(EcgSimulator(heart).samples(0, round(seconds * RATE_HZ))).samples
    meter, done, told = ConductionMeter(), 0, []
    for beat in heart.beats(0.0, seconds - 0.5):
        at = round((beat.time_s + Conditioner.delay_s) * RATE_HZ)
        meter.push(samples[done : at + 40])
        done = at + 40
        meter.beat(at)
        told.append(meter.block)
        again = ConductionMeter()
        again.restore(meter.snapshot())
        meter = again
    return told


@pytest.mark.parametrize(("word", "atrial_bpm"), [("block3 36", 80.0), ("block2 38", 76.0)])
@pytest.mark.parametrize("seed", [1, 2])
def test_p_waves_that_outnumber_the_beats_are_block(word: str, atrial_bpm: float, seed: int) -> None:
    told = blocks(word, seed)
    assert told[:18] == [None] * 18
    assert told[-1] is not None
    assert told[-1].atrial_bpm == pytest.approx(atrial_bpm, rel=0.05)
    assert told[-1].ventricular_bpm == pytest.approx(float(word.split()[1]), rel=0.1)


@pytest.mark.parametrize("word", ["brady 40", "idioventricular 38", "asystole", "sinus 60"])
def test_slow_rhythms_without_such_p_waves_are_not(word: str) -> None:
    assert set(blocks(word, 1)) == {None}


def test_an_interruption_hides_block_but_does_not_end_it() -> None:
    meter, known = ConductionMeter(), AvBlock(10, 80.0, 40.0)
    meter.block = known
    meter.interrupt(500.0)
    # Beats a second apart: nothing can be judged for ten seconds, then six beats that are not slow end it.
    told = []
    for beat in range(20):
        meter.push(np.zeros((250, 2), np.float32))
        meter.beat(750.0 + 250.0 * beat - 260.0)
        told.append(meter.block)
    first = told.index(None)
    assert first >= 11 + 5
    assert set(told[first:]) == {None}
    meter.block = known
    meter.forget(6000.0)
    assert meter.block is None


def test_block_that_interruptions_always_hide_is_forgotten() -> None:
    meter, told = ConductionMeter(), []
    meter.block = AvBlock(10, 80.0, 40.0)
    for second in range(1, 70):
        meter.push(np.zeros((250, 2), np.float32))
        if second % 5 == 0:
            meter.interrupt(250.0 * second)
        meter.beat(250.0 * second)
        told.append(meter.block is not None)
    assert told == [second <= 60 for second in range(1, 70)]


def test_the_end_of_the_stream_does_not_end_the_advisory() -> None:
    found = testing.run(registry.processor("ecg", "s", {}), messages("sinus 70 for 5s; block2 38", 40))
    changes = [f.change for f in found if isinstance(f, AlarmEvent) and f.condition == "AV_BLOCK"]
    assert changes == ["on"]


def messages(script: str, seconds: int) -> list[Item]:
    samples = EcgSimulator(Heart(3, script)).samples(0, round(seconds * RATE_HZ))
    chunks = [
        EcgChunk(stream="s", first_sample=at, rate_hz=RATE_HZ, leads=("II", "V1"), samples=samples[at : at + 250])
        for at in range(0, len(samples), 250)
    ]
    return [*chunks, EndOfStream(stream="s", offered=len(samples))]


def test_the_advisory_comes_and_goes_with_the_block() -> None:
    items = messages("sinus 70 for 5s; block2 38 for 32s; sinus 70", 60)
    found = testing.run(registry.processor("ecg", "s", {}), items)
    alarms = [f for f in found if isinstance(f, AlarmEvent) and f.condition == "AV_BLOCK"]
    assert [(alarm.change, alarm.priority) for alarm in alarms] == [("on", "low"), ("off", "low")]
    assert alarms[0].algorithmic_delay_s < 15.0
    assert alarms[0].reason["atrial_bpm"] == pytest.approx(76.0, rel=0.05)


@pytest.mark.parametrize(("lost", "rules"), [(25, []), (750, ["samples missing"])])
def test_a_lost_packet_does_not_end_the_advisory_a_long_gap_does(lost: int, rules: list[str]) -> None:
    items = messages("sinus 70 for 5s; block2 38", 50)
    at = 35 * 250
    rest = EcgSimulator(Heart(3, "sinus 70 for 5s; block2 38")).samples(0, at + 5000)[at + lost :]
    after = EcgChunk(stream="s", first_sample=at + lost, rate_hz=RATE_HZ, leads=("II", "V1"), samples=rest)
    found = testing.run(registry.processor("ecg", "s", {}), [*items[:35], Gap(stream="s", first=at, count=lost), after])
    alarms = [f for f in found if isinstance(f, AlarmEvent) and f.condition == "AV_BLOCK"]
    assert alarms[0].change == "on"
    assert [alarm.reason["rule"] for alarm in alarms if alarm.change == "off"] == rules


def test_the_processor_keeps_the_contract_in_block() -> None:
    testing.check_processor(lambda: registry.processor("ecg", "s", {}), messages("block2 38", 28))
