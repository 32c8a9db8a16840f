"""What goes over the wire comes back the same, and nothing else gets in."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from heartwire.engine.errors import MalformedMessage
from heartwire.engine.messages import (
    AlarmAnswer,
    AlarmCommand,
    AlarmEvent,
    AlarmInactivation,
    Beat,
    CardiacPhase,
    CatheterFix,
    Classification,
    Device,
    EcgChunk,
    EndOfStream,
    Gap,
    HeartRate,
    LedgerReport,
    Message,
    ModelChange,
    Overlay,
    Projection,
    Rhythm,
    SignalQuality,
    StLevels,
    Trace,
    XrayFrame,
)
from heartwire.engine.wire import KINDS, decode, decode_envelope, encode

counters = st.integers(0, 2**63 - 1)
finite = st.floats(-1e6, 1e6)
streams = st.from_regex(r"[A-Za-z0-9._-]{1,20}(/[A-Za-z0-9._-]{1,20}){0,2}", fullmatch=True)
traces = st.builds(Trace, *[counters] * 8)
chunks = st.integers(1, 12).flatmap(
    lambda leads: st.builds(
        EcgChunk,
        stream=streams,
        first_sample=counters,
        rate_hz=st.floats(100, 2000),
        leads=st.tuples(*[st.text("IVavRLF123456", min_size=1, max_size=5)] * leads),
        samples=arrays(np.float32, st.tuples(st.integers(1, 50), st.just(leads))),
        captured_ns=counters,
        seq=counters,
        trace=traces,
    )
)
shapes = st.tuples(st.integers(1, 40), st.integers(1, 40))
frames = st.one_of(
    st.builds(
        XrayFrame,
        stream=streams,
        frame=counters,
        pixels=arrays(dtype, shapes),
        bits=st.integers(1, bits),
        rate_hz=st.floats(0, 60),
        spacing_mm=st.none() | st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
        spacing_plane=st.sampled_from(["patient", "detector", "unknown"]),
        projection=st.none()
        | st.builds(
            Projection,
            primary_deg=st.floats(-180, 180),
            secondary_deg=st.floats(-90, 90),
            source_to_detector_mm=st.floats(800, 1500),
            source_to_patient_mm=st.floats(500, 900),
            imager_spacing_mm=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1)),
            centre_px=st.tuples(st.floats(0, 1024), st.floats(0, 1024)),
        ),
        captured_ns=counters,
        seq=counters,
        trace=traces,
    )
    for dtype, bits in ((np.uint8, 8), (np.uint16, 16))
)
findings = [
    Gap(stream="a/ecg", first=3, count=7, seq=1),
    EndOfStream(stream="a/ecg", offered=99),
    Beat(stream="a/ecg", sample=-4, decision_sample=70, label="V", confidence=0.5),
    HeartRate(stream="a/ecg", sample=50, decision_sample=70, rate_bpm=71.5),
    Rhythm(stream="a/ecg", sample=50, decision_sample=70, label="VF"),
    SignalQuality(stream="a/ecg", sample=1, decision_sample=2, leads=("I", "II"), quality=(0.1, 1.0), analysed=("II",)),
    StLevels(stream="a/ecg", sample=1, decision_sample=2, leads=("I", "II"), level_mv=(0.15, None), beats=9),
    CatheterFix(
        stream="a/xray",
        frame=4,
        captured_ns=5,
        devices=[
            Device(
                id=1,
                class_="electrode-catheter",
                state="tracked",
                visible=True,
                confidence=0.9,
                tip_px=(1.5, 2.5),
                tip_mm=None,
                error_px=None,
                centreline_px=[(0.0, 1.0), (1.5, 2.5)],
                electrodes_px=[(1.5, 2.5), (0.5, 1.5)],
            )
        ],
    ),
    Overlay(stream="a/xray", frame=4, shown=False, age_ms=600.0, reason="stale"),
    CardiacPhase(stream="a/ecg", sample=1, decision_sample=2, phase=0.5, rr_s=0.8, trusted=True),
    Classification(
        stream="a/ecg",
        sample=1,
        decision_sample=2,
        model="own",
        label="b",
        probability=0.75,
        scores={"a": 0.25, "b": 0.75},
    ),
    ModelChange(
        stream="a/ecg", setting="model", model="own", version="2", sha256="0", first=7, state="anew", changed_ns=3
    ),
    AlarmEvent(
        stream="a/ecg",
        condition="VT",
        mdc=199832,
        kind="physiological",
        priority="high",
        change="on",
        onset_sample=1,
        decision_sample=2,
        algorithmic_delay_s=2.9,
        reason={"beats": 5, "rate_bpm": 170.5, "lead": "II", "rr": [0.3, 1]},
    ),
    AlarmInactivation(
        stream="a/ecg", condition="", kind="signal", change="audio-paused", decision_sample=9, lasts_s=60.0, by="nurse"
    ),
    AlarmCommand(stream="a/ecg", action="limits", by="nurse", id="0f", limits={"tachy_bpm": 130.0}, given_ns=5),
    AlarmAnswer(stream="a/ecg", id="0f", accepted=False, reason="there is no such limit"),
    LedgerReport(stream="a/ecg", offered=10, processed=7, dropped={"stale": 1}, missing=1, in_flight=1),
]


def chunk(**changes: object) -> EcgChunk:
    fields = {"stream": "bed-1/ecg", "first_sample": 50, "rate_hz": 250.0, "leads": ("I", "II")}
    return EcgChunk(**{**fields, "samples": np.ones((25, 2), np.float32), **changes})


def received(message: Message) -> list[bytes]:
    return [bytes(part) for part in encode(message, epoch=7)]


def altered(message: Message, **changes: object) -> list[bytes]:
    """Encode a message with header fields changed; None removes one."""
    topic, header, payload = received(message)
    fields = msgspec.msgpack.decode(header) | changes
    return [topic, msgspec.msgpack.encode({k: v for k, v in fields.items() if v is not None}), payload]


@given(chunks)
def test_ecg_comes_back_bit_for_bit(sent: EcgChunk) -> None:
    got = decode(received(sent))
    assert isinstance(got, EcgChunk)
    assert got.samples.dtype == np.float32
    assert got.samples.tobytes() == sent.samples.tobytes()
    assert msgspec.structs.replace(got, samples=sent.samples) == sent


@given(frames)
def test_frames_come_back_bit_for_bit(sent: XrayFrame) -> None:
    got = decode(received(sent))
    assert isinstance(got, XrayFrame)
    assert got.pixels.dtype == sent.pixels.dtype
    assert got.pixels.tobytes() == sent.pixels.tobytes()
    assert msgspec.structs.replace(got, pixels=sent.pixels) == sent


names = st.text(min_size=1, max_size=64)
inactive = st.sampled_from(["enabled", "audio-paused", "audio-off", "alarm-paused", "alarm-off"])
alarm_messages = st.one_of(
    st.builds(
        AlarmCommand,
        stream=streams,
        action=st.sampled_from(
            ["acknowledge", "audio-pause", "audio-off", "alarm-pause", "alarm-off", "resume", "limits"]
        ),
        by=names,
        id=names,
        condition=st.text(max_size=32),
        lasts_s=finite,
        limits=st.dictionaries(st.text(max_size=32), finite, max_size=32),
        given_ns=counters,
        after_seq=st.integers(-1, 2**63 - 1),
        seq=counters,
        trace=traces,
    ),
    st.builds(AlarmAnswer, stream=streams, id=st.text(), accepted=st.booleans(), reason=st.text(), seq=counters),
    st.builds(
        AlarmInactivation,
        stream=streams,
        condition=st.text(max_size=32),
        kind=st.sampled_from(["signal", "engine"]),
        change=inactive,
        decision_sample=counters,
        lasts_s=finite,
        reminder=st.booleans(),
        by=st.text(),
        seq=counters,
        trace=traces,
    ),
    st.builds(
        AlarmEvent,
        stream=streams,
        condition=names,
        mdc=st.none() | counters,
        kind=st.sampled_from(["physiological", "technical"]),
        priority=st.sampled_from(["high", "medium", "low"]),
        change=st.sampled_from(["on", "off", "latched", "acknowledged", "escalated"]),
        onset_sample=counters,
        decision_sample=counters,
        algorithmic_delay_s=finite,
        reason=st.dictionaries(st.text(), st.text() | st.integers(-(2**63), 2**63 - 1) | st.lists(finite)),
        inactivation=inactive,
        emitted_ns=counters,
        seq=counters,
        trace=traces,
    ),
)


@given(alarm_messages)
def test_alarms_and_their_commands_come_back_equal(sent: Message) -> None:
    assert decode(received(sent)) == sent


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"action": "explode"}, r"\$\.body\.action"),
        ({"by": ""}, r"\$\.body\.by"),
        ({"by": "x" * 65}, r"\$\.body\.by"),
        ({"id": ""}, r"\$\.body\.id"),
        ({"condition": "x" * 33}, r"\$\.body\.condition"),
        ({"lasts_s": math.nan}, "lasts_s"),
        ({"limits": {"x" * 33: 1.0}}, r"\$\.body\.limits"),
        ({"limits": {str(n): 1.0 for n in range(33)}}, r"\$\.body\.limits"),
        ({"given_ns": -1}, "given_ns"),
    ],
)
def test_a_wrong_command_is_refused_with_the_field_named(changes: dict[str, object], where: str) -> None:
    topic, header, payload = received(AlarmCommand(stream="a/ecg", action="resume", by="nurse", id="1"))
    fields = msgspec.msgpack.decode(header)
    fields["body"] |= changes
    with pytest.raises(MalformedMessage, match=where):
        decode([topic, msgspec.msgpack.encode(fields), payload])


@pytest.mark.parametrize("sent", findings, ids=lambda sent: type(sent).__name__)
def test_everything_else_comes_back_equal(sent: Message) -> None:
    envelope = decode_envelope(received(sent))
    assert envelope.message == sent
    assert envelope.epoch == 7


def test_every_kind_has_its_round_trip_test() -> None:
    topics = (received(sent)[0] for sent in findings)
    assert {bytes(topic).decode().partition("/")[0] for topic in topics} | {"ecg", "xray"} == set(KINDS)


def test_decoded_arrays_are_aligned_and_writable_however_the_bytes_lie() -> None:
    frame = XrayFrame(stream="a/xray", frame=0, pixels=np.ones((4, 4), np.uint16), bits=12)
    topic, header, payload = received(frame)
    odd = memoryview(bytearray(b"x" + payload))[1:]
    for parts in ([topic, header, payload], [topic, header, odd]):
        pixels = decode(parts).pixels
        assert pixels.flags.aligned
        assert pixels.flags.writeable


def test_strided_samples_are_sent_in_c_order() -> None:
    wide = np.arange(100, dtype=np.float64).reshape(25, 4)
    got = decode(received(chunk(samples=wide[:, ::2])))
    assert np.array_equal(got.samples, wide[:, ::2])


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"v": 2}, "unknown wire version 2"),
        ({"v": None}, "unknown wire version None"),
        ({"seq": -1}, r"\$\.seq"),
        ({"seq": 2**63}, r"\$\.seq"),
        ({"first_sample": -5}, r"\$\.first_sample"),
        ({"rate_hz": math.nan}, r"\$\.rate_hz"),
        ({"rate_hz": math.inf}, r"\$\.rate_hz"),
        ({"rate_hz": 99.0}, r"\$\.rate_hz"),
        ({"rate_hz": 2001.0}, r"\$\.rate_hz"),
        ({"rate_hz": "250"}, r"\$\.rate_hz"),
        ({"leads": ["I"] * 13}, r"\$\.leads"),
        ({"leads": []}, r"\$\.leads"),
        ({"leads": ["I"]}, "payload of 200 bytes"),
        ({"n_samples": 24}, "payload of 200 bytes"),
        ({"n_samples": 10**9}, r"\$\.n_samples"),
        ({"dtype": "float64"}, r"\$\.dtype"),
        ({"units": "uV"}, r"\$\.units"),
        ({"kind": "xray"}, r"\$\.kind"),
        ({"stream": "bed-2/ecg"}, "bed-2/ecg"),
        ({"trace": {"sent_ns": 1}}, r"\$\.trace"),
        ({"captured_ns": None}, "captured_ns"),
    ],
)
def test_a_wrong_ecg_header_is_refused_with_the_field_named(changes: dict[str, object], where: str) -> None:
    with pytest.raises(MalformedMessage, match=where):
        decode(altered(chunk(), **changes))


_PROJECTION: dict[str, object] = {
    "primary_deg": 30.0, "secondary_deg": 0.0, "source_to_detector_mm": 1000.0, "source_to_patient_mm": 750.0,
    "imager_spacing_mm": [0.3, 0.3], "centre_px": [1.5, 1.5],
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"shape": [4, 9]}, "payload of 16 bytes"),
        ({"shape": [8193, 8193]}, r"\$\.shape"),
        ({"shape": [0, 4]}, r"\$\.shape"),
        ({"shape": [-4, -4]}, r"\$\.shape"),
        ({"bits": 12}, "12 bits do not fit"),
        ({"dtype": "int32"}, r"\$\.dtype"),
        ({"spacing_mm": [0.0, 0.3]}, r"\$\.spacing_mm"),
        ({"spacing_mm": [math.nan, 0.3]}, r"\$\.spacing_mm"),
        ({"rate_hz": math.nan}, r"\$\.rate_hz"),
        ({"projection": {**_PROJECTION, "primary_deg": math.nan}}, r"\$\.projection\.primary_deg"),
        ({"projection": {**_PROJECTION, "source_to_patient_mm": 0.0}}, r"\$\.projection\.source_to_patient_mm"),
        ({"projection": {"primary_deg": 1.0}}, r"\$\.projection"),
    ],
)
def test_a_wrong_frame_header_is_refused_with_the_field_named(changes: dict[str, object], where: str) -> None:
    frame = XrayFrame(stream="lab-1/xray", frame=0, pixels=np.zeros((4, 4), np.uint8))
    with pytest.raises(MalformedMessage, match=where):
        decode(altered(frame, **changes))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"seq": -1}, "seq -1"),
        ({"first": -1}, "first -1"),
        ({"count": 2**64 - 1}, "count"),
        ({"stream": "b/ecg"}, "b/ecg"),
        ({"type": "Beat"}, r"\$\.body"),
        ({"first": 1.5}, r"\$\.body\.first"),
    ],
)
def test_a_wrong_body_is_refused(body: dict[str, object], where: str) -> None:
    topic, header, payload = received(findings[0])
    fields = msgspec.msgpack.decode(header)
    fields["body"] |= body
    with pytest.raises(MalformedMessage, match=where):
        decode([topic, msgspec.msgpack.encode(fields), payload])


def test_a_body_with_a_payload_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="payload of 1 bytes"):
        decode([*received(findings[0])[:2], b"x"])


@pytest.mark.parametrize(
    "topic",
    [
        b"", b"ecg", b"ecg/", b"/bed", b"nothing/bed", b"ecg/bed 1", b"ecg/bed//1", b"ecg/\xff", b"ecg/" + b"x" * 129,
        b"beat/bed-1/ecg",
    ],
)  # fmt: skip
def test_a_topic_that_is_wrong_or_disagrees_with_the_header_is_refused(topic: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode([topic, *received(chunk())[1:]])


def test_a_header_over_its_limit_is_refused() -> None:
    with pytest.raises(MalformedMessage, match="limit"):
        decode([b"ecg/bed-1/ecg", bytes(300_000), b""])


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_a_wrong_number_of_parts_is_refused(count: int) -> None:
    with pytest.raises(MalformedMessage, match="parts"):
        decode([b"ecg/bed-1/ecg"] * count)


@pytest.mark.parametrize(
    "message",
    [
        chunk(rate_hz=math.nan),
        chunk(rate_hz=50.0),
        chunk(stream="bed 1"),
        chunk(samples=np.zeros((0, 2), np.float32)),
        chunk(samples=np.zeros((5, 3), np.float32)),
        chunk(leads=tuple("abcdefghijklm"), samples=np.zeros((5, 13), np.float32)),
        XrayFrame(stream="a/xray", frame=0, pixels=np.zeros((4, 4), np.int32)),
        XrayFrame(stream="a/xray", frame=0, pixels=np.zeros((4, 0), np.uint8)),
        HeartRate(stream="a/ecg", sample=1, decision_sample=2, rate_bpm=math.nan),
    ],
)
def test_what_a_receiver_would_refuse_is_not_sent(message: Message) -> None:
    with pytest.raises(MalformedMessage):
        encode(message)


garbage = st.binary(max_size=300)


@given(st.lists(garbage, max_size=5))
def test_random_parts_are_refused(parts: list[bytes]) -> None:
    with pytest.raises(MalformedMessage):
        decode(parts)


@given(st.sampled_from(KINDS), garbage, garbage)
def test_random_headers_and_payloads_are_refused(kind: str, header: bytes, payload: bytes) -> None:
    with pytest.raises(MalformedMessage):
        decode([f"{kind}/bed-1/ecg".encode(), header, payload])


def test_a_deeply_nested_header_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        decode([b"alarm/bed-1/ecg", b"\x91" * 200_000, b""])


@given(st.data())
def test_damaged_messages_are_refused_or_still_valid(data: st.DataObject) -> None:
    parts = received(data.draw(st.sampled_from([chunk(), *findings])))
    header = bytearray(parts[1])
    for _ in range(data.draw(st.integers(1, 4))):
        header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    try:
        got = decode([parts[0], bytes(header), parts[2]])
    except MalformedMessage:
        return
    encode(got)


def test_the_worked_example_of_the_documentation_decodes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
    header, payload = (bytes.fromhex(block) for block in re.findall(r"```hex\n([0-9a-f\s]+)```", text)[:2])
    got = decode_envelope([b"ecg/bed-12/ecg", header, payload])
    assert isinstance(got.message, EcgChunk)
    assert got.epoch == 1
    assert got.message.leads == ("II",)
    assert got.message.samples.ravel().tolist() == [0.0, 0.5, -0.25, 1.0]
    assert [bytes(p) for p in encode(got.message, got.epoch)] == [b"ecg/bed-12/ecg", header, payload]


def test_the_python_example_of_the_documentation_sends_those_bytes() -> None:
    text = (Path(__file__).parents[2] / "docs" / "wire.md").read_text()
    (code,) = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)
    names["device"].close()
    names["context"].term()
    header, payload = (bytes.fromhex(block) for block in re.findall(r"```hex\n([0-9a-f\s]+)```", text)[:2])
    assert msgspec.msgpack.encode(names["header"]) == header
    assert names["payload"] == payload
