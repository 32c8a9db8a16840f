from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.alarms.verification import INPUTS, KINDS, Verifier, inputs_of
from heartwire.engine.alarms.withholding import Withholding
from heartwire.engine.ecg.evidence_numbers import NAMES
from heartwire.engine.ecg.pulse import Pulse
from heartwire.engine.ecg.pulse_channels import ChannelPulse
from heartwire.engine.ecg.reading import Hop
from heartwire.engine.ecg.rhythm import RhythmState
from heartwire.engine.ecg.step import Step
from heartwire.engine.inference import Model
from heartwire.engine.messages import AlarmEvent, FloatArray

RATE_HZ = 100.0


class Verdict:
    """Says what it is told to."""

    least = 0.2

    def __init__(self, truth: float) -> None:
        self.value = truth

    def truth(self, condition: str, evidence: FloatArray) -> float:
        assert condition in KINDS
        assert evidence.shape == (len(NAMES),)
        return self.value


class Bed:
    def __init__(self, truth: float, *, pulse: bool = True) -> None:
        self.verdict = Verdict(truth)
        self.board = AlarmBoard("bed/ecg")
        self.withholding = Withholding(self.board, cast("Verifier", self.verdict))
        self.events: list[AlarmEvent] = []
        self.now = 0
        self.pulse = pulse
        for _ in range(100):
            self.step()

    def at(self) -> Step:
        hop = Hop(self.now, [1.0], False, (0,), (0,))
        told = [ChannelPulse(0, Pulse(self.now - 5, self.now, 1.0, 1.0))] if self.pulse else []
        return Step(self.now, RATE_HZ, self.now, "good", RhythmState("N", 0), hop=hop, pulses=told)

    def step(self) -> None:
        self.now += 80
        self.events += self.withholding.step(self.at())

    def begin(self, code: str) -> None:
        self.events += self.withholding.begin(code, self.now - 50, self.at(), {"rule": "r"})

    def end(self, code: str) -> None:
        self.events += self.withholding.end(code, self.at(), {"rule": "over"})

    @property
    def changes(self) -> list[tuple[str, str]]:
        return [(event.condition, event.change) for event in self.events]


def test_an_alarm_that_the_verdict_holds_true_is_given_with_how_likely_it_is() -> None:
    bed = Bed(0.7)
    bed.begin("ASYSTOLE")
    assert bed.changes == [("ASYSTOLE", "on")]
    assert bed.events[0].reason == {"rule": "r", "truth": 0.7}


def test_an_alarm_held_false_is_withheld_and_why_is_told_once() -> None:
    bed = Bed(0.1)
    bed.begin("ASYSTOLE")
    bed.step()
    bed.step()
    assert bed.changes == [("WITHHELD", "on")]
    assert bed.events[0].reason["condition"] == "ASYSTOLE"
    assert bed.events[0].priority == "low"
    bed.end("ASYSTOLE")
    assert bed.changes[1:] == [("WITHHELD", "off")]


def test_an_alarm_withheld_is_given_as_soon_as_the_verdict_turns() -> None:
    bed = Bed(0.1)
    bed.begin("VT")
    onset = bed.events[0].onset_sample
    bed.verdict.value = 0.9
    bed.step()
    assert bed.changes == [("WITHHELD", "on"), ("WITHHELD", "off"), ("VT", "on")]
    assert bed.events[-1].onset_sample == onset


def test_each_alarm_that_is_withheld_is_told_with_its_own_reason() -> None:
    bed = Bed(0.1)
    bed.begin("VT")
    bed.begin("EXTREME_TACHY")
    assert bed.changes == [("WITHHELD", "on"), ("WITHHELD", "off"), ("WITHHELD", "on")]
    assert bed.events[-1].reason["condition"] == "EXTREME_TACHY"
    bed.end("VT")
    bed.end("EXTREME_TACHY")
    assert bed.changes[3:] == [("WITHHELD", "off")]


def test_what_a_graver_alarm_says_already_is_not_asked() -> None:
    bed = Bed(0.9)
    bed.begin("VT")
    bed.verdict.value = 0.0
    bed.begin("EXTREME_TACHY")
    assert bed.changes == [("VT", "on")]


def test_a_rate_that_is_no_longer_beyond_its_limit_is_withheld_no_longer() -> None:
    bed = Bed(0.1)
    bed.begin("EXTREME_TACHY")
    for _ in range(6):
        bed.step()
    assert bed.changes == [("WITHHELD", "on"), ("WITHHELD", "off")]
    bed.verdict.value = 0.9
    bed.step()
    assert len(bed.events) == 2


@pytest.mark.parametrize(("code", "pulse"), [("TACHY", True), ("ASYSTOLE", False)])
def test_conditions_of_less_priority_and_streams_without_a_pulse_are_not_asked(code: str, pulse: bool) -> None:
    bed = Bed(0.0, pulse=pulse)
    bed.begin(code)
    assert bed.changes == [(code, "on")]


def test_a_snapshot_restores_what_is_withheld() -> None:
    bed, other = Bed(0.1), Bed(0.1)
    bed.begin("VT")
    other.board.restore(bed.board.snapshot())
    other.withholding.restore(bed.withholding.snapshot())
    other.verdict.value = 0.9
    other.step()
    assert other.changes == [("WITHHELD", "off"), ("VT", "on")]


def test_the_shipped_verdict_tells_silence_from_a_lost_lead() -> None:
    verifier = Verifier(Model("ecg-alarms", provider="cpu"))
    evidence = np.full(len(NAMES), np.nan, np.float32)
    for name, value in {"gap_s": 4.2, "quality": 0.95, "network_quality": 0.9, "beats": 14.0}.items():
        evidence[NAMES.index(name)] = value
    silent, pulsing = evidence.copy(), evidence.copy()
    silent[NAMES.index("silence_s")] = 4.0
    pulsing[NAMES.index("silence_s")] = 1.0
    assert verifier.truth("ASYSTOLE", silent) > verifier.truth("ASYSTOLE", pulsing)
    assert inputs_of([0], silent[None]).shape == (1, len(INPUTS))
