from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.streams.simulators.heart import Heart
from heartwire.streams.simulators.script import DEMO


def _rr_s(heart: Heart, start_s: float, end_s: float) -> list[float]:
    times = [beat.time_s for beat in heart.beats(start_s, end_s)]
    return [b - a for a, b in itertools.pairwise(times)]


@pytest.mark.parametrize(
    ("script", "rate_bpm"), [("sinus 70", 70), ("brady 35", 35), ("tachy 150", 150), ("vt 180", 180)]
)
def test_a_rhythm_keeps_its_rate(script: str, rate_bpm: float) -> None:
    assert 60.0 / np.mean(_rr_s(Heart(1, script), 1.0, 60.0)) == pytest.approx(rate_bpm, rel=0.03)


def test_atrial_fibrillation_is_irregular_and_sinus_rhythm_is_not() -> None:
    assert np.std(_rr_s(Heart(1, "af 90"), 1.0, 60.0)) > 5.0 * np.std(_rr_s(Heart(1, "sinus 90"), 1.0, 60.0))


def test_a_pvc_comes_early_and_is_followed_by_a_pause() -> None:
    beats = Heart(4, "sinus 60 for 10s; pvc; sinus 60").beats(0.0, 20.0)
    (v,) = [i for i, beat in enumerate(beats) if beat.label == "V"]

    assert beats[v].rr_s < 0.85
    assert beats[v + 1].rr_s > 1.1


def test_a_run_has_its_beats_and_is_an_episode() -> None:
    heart = Heart(4, "sinus 60 for 10s; run 6 150; sinus 60")
    run = [beat for beat in heart.beats(0.0, 30.0) if beat.label == "V"]
    (episode,) = [e for e in heart.episodes(0.0, 30.0) if e.label == "VT"]

    assert len(run) == 6
    assert episode.start_s == run[0].time_s
    assert episode.end_s == pytest.approx(run[-1].time_s)


def test_bigeminy_alternates() -> None:
    labels = "".join(beat.label for beat in Heart(2, "bigeminy 70").beats(0.0, 20.0))

    assert labels.startswith("NVNVNVNV")


def test_a_pause_is_one_long_interval() -> None:
    assert max(_rr_s(Heart(2, "sinus 70 for 10s; pause 3s; sinus 70"), 0.0, 25.0)) == pytest.approx(3.0)


@pytest.mark.parametrize(
    "script", ["sinus 70 for 5s; vf for 8s; sinus 70", "sinus 70 for 5s; asystole for 8s; sinus 70"]
)
def test_no_beat_and_no_phase_where_the_heart_does_not_beat(script: str) -> None:
    heart = Heart(3, script)

    assert heart.beats(5.0, 13.0) == []
    assert math.isnan(heart.phase(9.0))
    assert not math.isnan(heart.phase(15.0))


def test_the_phase_is_zero_at_r_and_grows_to_one() -> None:
    heart = Heart(3, "sinus 70")
    first, second = heart.beats(5.0, 10.0)[:2]

    assert heart.phase(first.time_s) == pytest.approx(0.0)
    assert heart.phase(0.5 * (first.time_s + second.time_s)) == pytest.approx(0.5)
    assert heart.phase(second.time_s - 1e-6) == pytest.approx(1.0, abs=1e-4)


def test_episodes_follow_each_other_without_gaps() -> None:
    heart = Heart(5, DEMO)
    episodes = heart.episodes(0.0, 400.0)

    assert all(a.end_s == b.start_s for a, b in itertools.pairwise(episodes))
    assert {e.label for e in episodes} >= {"N", "VT", "VF", "ASYS", "AFIB", "SBR", "B"}


def test_a_finite_script_begins_again_and_says_when_it_ends() -> None:
    heart = Heart(5, "sinus 70 for 10s; vf for 5s")

    assert heart.script_end_s() == pytest.approx(15.0)
    assert [e.label for e in heart.episodes(0.0, 45.0)] == ["N", "VF"] * 3
    assert math.isinf(Heart(5, "sinus 70").script_end_s())


def test_the_heart_contracts_after_the_r_peak_and_less_in_a_pvc() -> None:
    heart = Heart(6, "sinus 60 for 10s; pvc; sinus 60")
    size = {}
    for beat in heart.beats(3.0, 13.0):
        size[beat.label] = max(heart.motion(beat.time_s + t).contraction for t in np.arange(0.0, 0.6, 0.01))
        assert heart.motion(beat.time_s).contraction < 0.35

    assert size["N"] > 0.9
    assert size["V"] < 0.8 * size["N"]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.floats(0.0, 300.0), min_size=1, max_size=12))
def test_asking_in_any_order_changes_nothing(seed: int, times: list[float]) -> None:
    straight, jumping = Heart(seed, DEMO), Heart(seed, DEMO)
    straight.beats(0.0, 400.0)

    for time_s in times:
        assert jumping.beats(time_s, time_s + 5.0) == straight.beats(time_s, time_s + 5.0)
        assert jumping.motion(time_s) == straight.motion(time_s)
        assert repr(jumping.phase(time_s)) == repr(straight.phase(time_s))
