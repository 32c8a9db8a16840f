"""An alarm is explained by the beats and the strip up to its decision, whatever the messages held."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.alarms.explanation import Explainer
from heartwire.engine.alarms.strips import Strip, StripRecorder, draw
from heartwire.engine.messages import AlarmEvent, Beat, BeatClass, BeatStage, EcgChunk, SignalQuality

RATE_HZ = 100.0
STREAM = "bed-1/ecg"


def chunk(first: int, samples: np.ndarray, leads: tuple[str, ...] = ("I", "II")) -> EcgChunk:
    return EcgChunk(stream=STREAM, first_sample=first, rate_hz=RATE_HZ, leads=leads, samples=samples)


def analysed(*leads: str) -> SignalQuality:
    return SignalQuality(
        stream=STREAM, sample=0, decision_sample=0, leads=("I", "II"), quality=(1.0, 1.0), analysed=leads
    )


def wave(n_samples: int) -> np.ndarray:
    ramp = np.arange(n_samples, dtype=np.float32)
    return np.stack([ramp * 1e-3, -ramp * 1e-3], axis=1)


def cut(strip: Strip | None) -> Strip:
    assert strip is not None
    return strip


@given(cuts=st.lists(st.integers(1, 2999), max_size=20), end=st.integers(2600, 2999))
def test_a_strip_is_the_same_however_the_samples_were_cut(cuts: list[int], end: int) -> None:
    recorder, samples = StripRecorder(), wave(3000)
    recorder.note(analysed("II"))
    edges = sorted({0, 3000, *cuts})
    for first, last in itertools.pairwise(edges):
        recorder.take(chunk(first, samples[first:last]))
    strip = cut(recorder.cut(end))
    assert (strip.first_sample, strip.leads, strip.rate_hz) == (end - 999, ("II",), RATE_HZ)
    assert np.allclose(strip.millivolts()[:, 0], samples[end - 999 : end + 1, 1], atol=5e-4)


def test_what_was_missing_or_invalid_is_invalid_in_the_strip() -> None:
    recorder, samples = StripRecorder(), wave(600)
    samples[100] = np.nan
    samples[101] = 1e9
    recorder.take(chunk(0, samples[:300]))
    recorder.take(chunk(400, samples[400:]))
    mv = cut(recorder.cut(599)).millivolts()
    assert np.isnan(mv[100, 0])
    assert mv[101, 0] == pytest.approx(32.767)
    assert np.isnan(mv[300:400]).all()
    assert not np.isnan(np.delete(mv, [100, *range(300, 400)], axis=0)).any()


def test_before_a_signal_there_is_no_strip() -> None:
    recorder = StripRecorder()
    assert recorder.cut(100) is None
    recorder.take(chunk(500, wave(10)))
    assert recorder.cut(100) is None


def test_other_leads_begin_a_strip_anew() -> None:
    recorder = StripRecorder()
    recorder.take(chunk(0, wave(100)))
    recorder.take(chunk(100, wave(100)[:, :1], leads=("V1",)))
    strip = cut(recorder.cut(199))
    assert (strip.first_sample, strip.leads) == (100, ("V1",))


def test_memory_is_bounded() -> None:
    recorder = StripRecorder()
    for n in range(1000):
        recorder.take(chunk(50 * n, wave(50)))
    assert len(recorder._chunks) <= 32


def test_a_picture_is_drawn(tmp_path: Path) -> None:
    recorder, samples = StripRecorder(), wave(1000)
    samples[300:310] = np.nan
    recorder.take(chunk(0, samples))
    recorder.note(analysed("I", "II"))
    path = tmp_path / "strip.png"
    draw(cut(recorder.cut(999)), [(100, "N"), (400, "V"), (5000, "N")], "VT", path)
    picture = cv2.imread(str(path))
    assert picture is not None
    assert picture.shape == (2 * 24 + 2 * 320, 2000 + 2 * 24, 3)
    assert (picture < 50).any()


def beat(sample: int, label: BeatClass = "N", stage: BeatStage = "confirmed") -> Beat:
    return Beat(stream=STREAM, sample=sample, decision_sample=sample + 20, label=label, confidence=1.0, stage=stage)


def alarm(decision: int, change: str = "on") -> AlarmEvent:
    return AlarmEvent(
        stream=STREAM, condition="V_RUN", mdc=None, kind="physiological", priority="medium", change=change,  # type: ignore[arg-type]
        onset_sample=0, decision_sample=decision, algorithmic_delay_s=0.0, reason={"rule": "r", "beats": 3},
    )  # fmt: skip


def test_an_alarm_names_the_beats_of_its_strip_as_known_then() -> None:
    explainer = Explainer()
    explainer.rate_hz = RATE_HZ
    found = [beat(100), beat(900), beat(990, "Q", "provisional"), beat(1000, "V"), beat(1100, "V")]
    for finding in (*found, beat(1000, "F", "revised")):
        explainer.note(finding)
    event = alarm(1120)
    explainer.note(event)
    assert event.reason == {
        "rule": "r", "beats": 3, "strip": [121, 1120], "beat_samples": [900, 1000, 1100], "beat_classes": "NFV"
    }  # fmt: skip


def test_only_the_begin_of_an_alarm_is_explained() -> None:
    explainer, event = Explainer(), alarm(100, "off")
    explainer.rate_hz = RATE_HZ
    explainer.note(event)
    assert event.reason == {"rule": "r", "beats": 3}


def test_what_explains_survives_a_restart_and_is_bounded() -> None:
    explainer, later = Explainer(), Explainer()
    explainer.rate_hz = RATE_HZ
    for n in range(200):
        explainer.note(beat(100 * n))
        explainer.trim(100 * n)
    assert len(explainer._beats) <= 31
    later.restore(explainer.snapshot())
    events = alarm(19_950), alarm(19_950)
    explainer.note(events[0])
    later.note(events[1])
    assert events[0].reason == events[1].reason
    assert len(str(events[0].reason["beat_classes"])) == 10
