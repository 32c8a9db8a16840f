from __future__ import annotations

import itertools

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import EcgChunk, EndOfStream, XrayFrame
from heartwire.streams.simulators.ecg import EcgSimulator
from heartwire.streams.simulators.fluoroscopy import Fluoroscopy
from heartwire.streams.simulators.heart import Heart
from heartwire.streams.sources.simulated import SimulatedEcgSource, SimulatedXraySource

_SCRIPT = "sinus 72 for 3s; pvc; vt 180 for 2s"


@settings(max_examples=10, deadline=None)
@given(st.floats(1.0, 900.0))
def test_the_ecg_is_the_same_in_messages_of_any_length(message_ms: float) -> None:
    *chunks, end = SimulatedEcgSource(stream="b/ecg", script=_SCRIPT, seed=3, message_ms=message_ms).open()
    samples = np.concatenate([chunk.samples for chunk in chunks if isinstance(chunk, EcgChunk)])

    assert samples.tobytes() == EcgSimulator(Heart(3, _SCRIPT)).samples(0, len(samples)).tobytes()
    assert end == EndOfStream(stream="b/ecg", offered=len(samples))


def test_chunks_follow_on_each_other_and_carry_their_time() -> None:
    source = SimulatedEcgSource(stream="b/ecg", seconds=2.05, rate_hz=500.0, leads=("I", "V6"))
    *chunks, end = source.open()

    assert source.length() == 1025
    assert isinstance(end, EndOfStream)
    first = 0
    for chunk in chunks:
        assert isinstance(chunk, EcgChunk)
        assert chunk.first_sample == first
        assert chunk.leads == ("I", "V6")
        first = chunk.end_sample
        assert chunk.captured_ns == round((first - 1) / 500.0 * 1e9)
    assert first == end.offered == 1025


def test_without_seconds_a_stream_lasts_as_long_as_its_script() -> None:
    length = SimulatedEcgSource(stream="b/ecg", script=_SCRIPT).length()

    assert length == round(Heart(0, _SCRIPT).script_end_s() * 250.0)
    assert SimulatedEcgSource(stream="b/ecg", script=_SCRIPT, repeat=True).length() is None
    assert SimulatedEcgSource(stream="b/ecg", script="sinus 70").length() is None
    assert SimulatedXraySource(stream="l/xray", script="sinus 70", seconds=2.0).length() == 30


def test_a_stream_without_end_goes_on() -> None:
    source = SimulatedEcgSource(stream="b/ecg", script=_SCRIPT, repeat=True)
    *_, last = itertools.islice(source.open(), 200)

    assert isinstance(last, EcgChunk)
    assert last.end_sample == 5000


def test_frames_are_those_of_the_simulator_with_their_geometry() -> None:
    source = SimulatedXraySource(stream="l/xray", script=_SCRIPT, seed=4, scene=9, size_px=256, seconds=0.2, bits=12)
    *frames, end = source.open()
    run = Fluoroscopy(9, size_px=256, bits=12, heart=Heart(4, _SCRIPT))

    assert end == EndOfStream(stream="l/xray", offered=3)
    for number, frame in enumerate(frames):
        assert isinstance(frame, XrayFrame)
        assert frame.frame == number
        assert frame.bits == 12
        assert frame.spacing_mm == (run.spacing_mm, run.spacing_mm)
        assert frame.spacing_plane == "patient"
        assert frame.projection == run.projection
        assert frame.captured_ns == round(number / 15.0 * 1e9)
        assert frame.pixels.tobytes() == run.frame(number)[0].tobytes()


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"script": "sinus 70 for 20"}, "needs a unit"),
        ({"seed": -1}, "seed"),
        ({"seconds": -1.0}, "seconds"),
        ({"leads": 13}, "leads"),
        ({"leads": ("II", "X")}, "'X'"),
        ({"rate_hz": 99.0}, "rate_hz"),
        ({"message_ms": 0.0}, "message_ms"),
    ],
)
def test_wrong_ecg_values_are_refused_with_the_stream(fields: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        msgspec.convert({"stream": "b/ecg", **fields}, SimulatedEcgSource)

    assert "b/ecg" in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "told"), [({"size_px": 500}, "size_px"), ({"script": "x"}, "unknown"), ({"bits": 3}, "bits")]
)
def test_wrong_xray_values_are_refused_with_the_stream(fields: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told) as refused:
        msgspec.convert({"stream": "l/xray", **fields}, SimulatedXraySource)

    assert "l/xray" in str(refused.value)
