"""What holds for the scoring of VT and VF alarms."""

from __future__ import annotations

import math

import pytest

from heartwire.benchmarks.accuracy.vf import VENTRICULAR, Alarm, Span, score_alarms, spans, summarise

RHYTHMS = [
    (0.0, "N"),
    (100.0, "VT"),
    (110.0, "VF"),
    (150.0, "N"),
    (200.0, "VT"),
    (203.0, "N"),
    (300.0, "NOISE"),
    (350.0, "N"),
]


def test_labels_that_touch_are_one_episode() -> None:
    assert spans(RHYTHMS, 400.0, VENTRICULAR) == [Span(100.0, 150.0), Span(200.0, 203.0)]


def test_the_delay_runs_from_the_onset_to_the_first_decision() -> None:
    score = score_alarms(RHYTHMS, 400.0, [Alarm(104.0, 120.0), Alarm(130.0, 155.0)])
    assert (score.delays_s, score.carried, score.false_alarms) == ([4.0], 0, 0)


def test_an_alarm_still_on_at_the_onset_carries_the_episode_and_has_no_delay() -> None:
    score = score_alarms(RHYTHMS, 400.0, [Alarm(95.0, 120.0)])
    assert (score.delays_s, score.carried) == ([], 1)


def test_an_episode_without_an_alarm_is_missed() -> None:
    summary = summarise([score_alarms(RHYTHMS, 400.0, [])])
    assert (summary.n_episodes, summary.n_alarmed, summary.alarmed_share) == (1, 0, 0.0)
    assert math.isnan(summary.median_delay_s)


def test_alarms_elsewhere_are_false_and_those_in_noise_counted_apart() -> None:
    alarms = [Alarm(50.0, 55.0), Alarm(202.0, 210.0), Alarm(320.0, 330.0)]
    score = score_alarms(RHYTHMS, 400.0, alarms)
    assert (score.false_alarms, score.in_noise) == (1, 1)
    assert score.other_s == pytest.approx(400.0 - 53.0 - 50.0)


def test_records_add_up() -> None:
    summary = summarise([score_alarms(RHYTHMS, 400.0, [Alarm(a, a + 9.0)]) for a in (103.0, 105.0, 250.0)])
    assert (summary.n_episodes, summary.n_alarmed, summary.median_delay_s, summary.false_alarms) == (3, 2, 4.0, 1)
    assert summary.false_per_hour == pytest.approx(1 / (3 * 297.0 / 3600.0))
