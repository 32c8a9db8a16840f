from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.ecg.beat_context import CHANNELS, WIDTH
from heartwire.engine.ecg.fibrillation import Decision, FibrillationDetector, FibrillationSettings, decide
from heartwire.engine.ecg.last_beats import N_BEATS
from heartwire.engine.ecg.rhythm_state import UNKNOWN, RhythmState
from heartwire.engine.inference import Model
from heartwire.engine.messages import Beat
from heartwire.engine.stacking import alone

RATE_HZ = 250.0
SETTINGS = FibrillationSettings()
NONE = RhythmState(UNKNOWN, 0)


def detector() -> FibrillationDetector:
    return FibrillationDetector(Model("ecg-fibrillation", provider="cpu", threads=1), SETTINGS)


def heart(found: FibrillationDetector, rr_s: list[float], at: int = 0) -> list[RhythmState]:
    states = []
    for rr in rr_s:
        at += round(rr * RATE_HZ)
        beat = Beat(stream="s", sample=at, decision_sample=at, label="N", confidence=1.0)
        states.append(alone(found.beat(beat, RATE_HZ, np.zeros((CHANNELS, WIDTH), np.float32))))
    return states


def after(state: RhythmState, p: float, samples: range) -> RhythmState:
    return decide(Decision(state), p, samples, SETTINGS).state


def test_too_few_beats_decide_nothing() -> None:
    assert after(NONE, 1.0, range(SETTINGS.least_beats - 1)) == NONE


def test_it_begins_in_the_middle_of_a_whole_window_and_with_the_first_beat_of_a_shorter_one() -> None:
    assert after(NONE, 0.9, range(100, 100 + N_BEATS)).onset_sample == 100 + N_BEATS // 2
    state = after(NONE, 0.95, range(100, 112))
    assert (state.label, state.onset_sample) == ("AFIB", 100)
    assert state.reason["probability"] == 0.95


def test_it_begins_where_it_has_been_likely_since() -> None:
    decision = decide(Decision(), 0.4, range(100, 112), SETTINGS)
    assert decision.state == NONE
    decision = decide(decision, 0.9, range(110, 110 + N_BEATS), SETTINGS)
    assert decision.state.onset_sample == 100
    unlikely = decide(decide(Decision(), 0.4, range(100, 112), SETTINGS), 0.1, range(101, 113), SETTINGS)
    assert unlikely.likely_since == -1


def test_fewer_beats_must_be_surer() -> None:
    assert after(NONE, 0.7, range(N_BEATS)).label == "AFIB"
    assert after(NONE, 0.7, range(SETTINGS.least_beats)) == NONE


def test_it_ends_no_sooner_than_it_began() -> None:
    state = after(RhythmState("AFIB", 5), 0.1, range(100, 100 + N_BEATS))
    assert (state.label, state.onset_sample) == (UNKNOWN, 100 + N_BEATS // 2)
    assert after(RhythmState("AFIB", 120), 0.1, range(100, 100 + N_BEATS)).onset_sample == 120


def test_between_begin_and_end_nothing_changes() -> None:
    between = 0.5 * (SETTINGS.begin + SETTINGS.end)
    for state in (NONE, RhythmState("AFIB", 5)):
        assert after(state, between, range(N_BEATS)) == state


def test_regular_beats_are_none_and_irregular_ones_are() -> None:
    assert all(not state.label for state in heart(detector(), [0.8] * 60))
    random = np.random.default_rng(0)
    states = heart(detector(), [float(rr) for rr in random.uniform(0.4, 1.1, 60)])
    assert states[-1].label == "AFIB"
    assert 0.5 < states[-1].confidence <= 1.0


def test_regular_beats_with_early_ones_are_none() -> None:
    states = heart(detector(), ([0.8] * 4 + [0.5, 1.1]) * 10)
    assert all(not state.label for state in states)


def test_its_begin_and_end_lie_near_the_change() -> None:
    random = np.random.default_rng(1)
    found = detector()
    states = heart(found, [0.8] * 40)
    states += heart(found, [float(rr) for rr in random.uniform(0.4, 1.1, 60)], 40 * 200)
    begin = next(state.onset_sample for state in states if state.label)
    assert 40 * 200 - 15 * 200 <= begin <= 40 * 200 + 15 * 200


_TWO = detector(), detector()


@given(st.lists(st.floats(0.2, 2.0), max_size=50), st.integers(0, 50))
def test_a_restored_state_goes_on_as_if_nothing_had_happened(rr_s: list[float], cut: int) -> None:
    whole, halved = _TWO
    whole.reset()
    halved.reset()
    expected = heart(whole, rr_s)
    before = heart(halved, rr_s[:cut])
    state = halved.snapshot()
    halved.reset()
    halved.restore(state)
    at = sum(round(rr * RATE_HZ) for rr in rr_s[:cut])
    assert before + heart(halved, rr_s[cut:], at) == expected


def test_a_revised_class_decides_nothing_by_itself() -> None:
    found = detector()
    heart(found, [0.8] * 20)
    at = 20 * 200
    beat = Beat(stream="s", sample=at, decision_sample=at, label="V", confidence=1.0, stage="revised")
    assert alone(found.beat(beat, RATE_HZ, np.empty((0, 0), np.float32))) == NONE
