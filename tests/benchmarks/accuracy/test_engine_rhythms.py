from __future__ import annotations

from heartwire.benchmarks.accuracy.engine_rhythms import EngineRhythms
from heartwire.benchmarks.accuracy.vf import Span


def test_an_alarm_is_a_stretch_from_its_onset_to_its_end_or_that_of_the_record() -> None:
    told = EngineRhythms(100.0)
    told.alarms = [
        ("AV_BLOCK", "on", 10.0, 22.0),
        ("BRADY", "on", 11.0, 12.0),
        ("AV_BLOCK", "acknowledged", 10.0, 25.0),
        ("AV_BLOCK", "off", 10.0, 40.0),
        ("AV_BLOCK", "on", 60.0, 75.0),
    ]
    assert told.alarmed("AV_BLOCK") == ([Span(10.0, 40.0), Span(60.0, 100.0)], [22.0, 75.0])
    assert told.alarmed("VT") == ([], [])
