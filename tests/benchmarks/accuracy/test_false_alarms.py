from __future__ import annotations

import numpy as np
import pytest

from heartwire.benchmarks.accuracy.false_alarms import (
    EpisodeCounts,
    Reference,
    holds,
    longest_run,
    merged,
    told_alarms,
    ventricular_spans,
)
from heartwire.benchmarks.accuracy.false_alarms_run import figures, is_quiet
from heartwire.engine.messages import AlarmChange, AlarmEvent


def reference(labels: str = "N" * 60, interval_s: float = 0.8, **known: object) -> Reference:
    beats_s = 1.0 + interval_s * np.arange(len(labels))
    return Reference("r", float(beats_s[-1]) + 1.0, beats_s, labels, [], **known)  # type: ignore[arg-type]


def event(condition: str, change: AlarmChange, at_s: float) -> AlarmEvent:
    return AlarmEvent(
        stream="s",
        condition=condition,
        mdc=None,
        kind="physiological",
        priority="high",
        change=change,
        onset_sample=round(100 * at_s) - 50,
        decision_sample=round(100 * at_s),
        algorithmic_delay_s=0.5,
    )


@pytest.mark.parametrize(
    ("condition", "labels", "interval_s", "true"),
    [
        ("VT", "N" * 20 + "VVVVV" + "N" * 20, 0.45, True),
        ("VT", "N" * 20 + "VVVVV" + "N" * 20, 0.8, False),
        ("VT", "N" * 20 + "VVVV" + "N" * 20, 0.45, False),
        ("V_RUN", "N" * 20 + "VVV" + "N" * 20, 0.8, True),
        ("V_RUN", "N" * 20 + "VNV" + "N" * 20, 0.8, False),
        ("EXTREME_TACHY", "N" * 60, 0.4, True),
        ("EXTREME_TACHY", "N" * 60, 0.5, False),
        ("TACHY", "N" * 60, 0.5, True),
        ("EXTREME_BRADY", "N" * 60, 1.6, True),
        ("EXTREME_BRADY", "N" * 60, 1.0, False),
        ("BRADY", "N" * 60, 1.3, True),
        ("ASYSTOLE", "N" * 60, 0.8, False),
        ("ASYSTOLE", "N" * 20, 4.1, True),
        ("PAUSE", "N" * 20, 3.1, True),
        ("LEAD_OFF", "N" * 20, 0.8, None),
        ("R_ON_T", "N" * 20, 0.8, None),
        ("COUPLET", "N" * 20 + "VV" + "N" * 20, 0.8, True),
        ("COUPLET", "N" * 20 + "VNV" + "N" * 20, 0.8, False),
        ("PVC_RATE", "N" * 15 + "V" * 10 + "N" * 20, 0.8, True),
        ("PVC_RATE", "N" * 20 + "V" * 5 + "N" * 20, 0.8, False),
        ("NOT_CAPTURING", "N" * 20, 0.8, False),
    ],
)
def test_an_alarm_is_true_where_the_annotated_beats_bear_it_out(
    condition: str, labels: str, interval_s: float, true: bool | None
) -> None:
    known = reference(labels, interval_s)
    middle_s = float(known.beats_s[min(24, len(labels) - 1)])
    assert holds(condition, middle_s - 8.0, middle_s + 1.0, known) is true


@pytest.mark.parametrize(
    ("condition", "borne_out", "not_so"),
    [
        ("AF", ("AFIB", "AFL"), ("N", "P", "SVTA")),
        ("SVT", ("SVTA", "AFL"), ("N", "P", "NOD", "AFIB")),
        ("IDIOVENTRICULAR", ("IVR",), ("N", "P", "VT")),
        ("AV_BLOCK", ("BII",), ("N", "P")),
        ("BIGEMINY", ("B",), ("N", "T")),
        ("TRIGEMINY", ("T",), ("N", "B")),
    ],
)
def test_a_rhythm_is_true_where_it_is_annotated(
    condition: str, borne_out: tuple[str, ...], not_so: tuple[str, ...]
) -> None:
    for label in (*borne_out, *not_so):
        known = reference(rhythms=[(0.0, "N"), (20.0, label), (30.0, "N")])
        assert holds(condition, 25.0, 26.0, known) is (label in borne_out)
        assert holds(condition, 31.0, 40.0, known) is False


def test_what_no_annotation_tells_is_counted_apart() -> None:
    paced = reference(rhythms=[(0.0, "P")])
    told = told_alarms([event("NOT_CAPTURING", "on", 10.0), event("R_ON_T", "on", 12.0)], 100.0, paced)
    assert [alarm.true for alarm in told] == [None, None]
    summed = figures([(paced, told)])
    assert (summed.true, summed.false, summed.unjudged) == ({}, {}, {"NOT_CAPTURING": 1, "R_ON_T": 1})


def test_an_annotated_rhythm_bears_out_vt_without_beats() -> None:
    known = Reference("r", 60.0, np.array([1.0, 2.0]), "NN", [(20.0, 30.0)])
    assert holds("VF", 25.0, 26.0, known)
    assert not holds("VF", 31.0, 40.0, known)
    assert not is_quiet(known)
    assert is_quiet(reference())


def test_a_stretch_without_annotations_is_no_asystole_where_not_every_beat_is_annotated() -> None:
    assert not holds("ASYSTOLE", 1.0, 60.0, reference("N" * 10, 5.0, complete=False))
    assert is_quiet(reference("N" * 10, 5.0, complete=False))
    assert not is_quiet(reference("N" * 10, 5.0))


def test_alarms_go_from_their_decision_to_their_end_or_that_of_the_record() -> None:
    known = reference()
    events = [
        event("VT", "on", 0.5),
        event("VT", "off", 0.8),
        event("VT", "on", 10.0),
        event("VT", "latched", 14.0),
        event("ASYSTOLE", "on", 20.0),
    ]
    told = told_alarms(events, 100.0, known)
    assert [(a.condition, a.decision_s, a.end_s, a.true) for a in told] == [
        ("VT", 10.0, 14.0, False),
        ("ASYSTOLE", 20.0, pytest.approx(known.seconds, abs=1e-3), False),
    ]
    summed = figures([(known, told)])
    assert summed.false == {"high": {"VT": 1, "ASYSTOLE": 1}}
    assert summed.false_a_day("high") == pytest.approx(2 * 86400 / known.seconds)


def test_runs_and_episodes_of_ventricular_beats() -> None:
    labels = "NN" + "V" * 6 + "NN" + "VVV" + "NN"
    known = reference(labels, 0.5)
    assert longest_run(known.beats_s, labels, 100.0) == 6
    assert ventricular_spans(known) == [(known.beats_s[2], known.beats_s[7])]
    assert len(ventricular_spans(known, 3, 0.0)) == 2


def test_episodes_and_their_time_are_counted_both_ways() -> None:
    assert merged([(5.0, 6.0), (1.0, 2.0), (2.0, 3.0)]) == [(1.0, 3.0), (5.0, 6.0)]
    counts = EpisodeCounts()
    counts.add([(0.0, 10.0), (20.0, 30.0)], [(5.0, 12.0), (40.0, 41.0)])
    assert (counts.annotated, counts.found, counts.told, counts.right) == (2, 1, 2, 1)
    assert (counts.annotated_s, counts.told_s, counts.both_s) == (20.0, 8.0, 5.0)
