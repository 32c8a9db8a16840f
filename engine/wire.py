"""Messages <-> ZeroMQ multipart `[topic, header, payload]`, wire version 1.

The topic is `<kind>/<stream id>`, the header a msgpack map, the payload raw little-endian C-order bytes. `docs/wire.md`
describes every field, so that other languages can feed and read the bus. Nothing here trusts what it reads: whatever is
not a valid message raises `MalformedMessage` with the field that is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import MalformedMessage
from heartwire.engine.headers import LARGEST_INTEGER, MAX_LEADS, BodyHeader, EcgHeader, FrameHeader
from heartwire.engine.messages import (
    AlarmAnswer,
    AlarmCommand,
    AlarmEvent,
    AlarmInactivation,
    Beat,
    CardiacPhase,
    CatheterFix,
    Classification,
    EcgChunk,
    EndOfStream,
    Gap,
    HeartRate,
    LedgerReport,
    Message,
    ModelChange,
    Overlay,
    Rhythm,
    SignalQuality,
    StLevels,
    XrayFrame,
)

WIRE_VERSION = 1
HEADER_LIMIT_BYTES = 256 * 1024
PAYLOAD_LIMIT_BYTES = 64 * 1024 * 1024

Part: TypeAlias = bytes | memoryview
"""One part of a multipart message, as sent or as received."""


class Envelope(NamedTuple):
    """A decoded message and the run of the publisher it belongs to."""

    message: Message
    epoch: int  # changes when the publisher starts its sequence numbers over


class _Version(msgspec.Struct):
    v: Any = None


_KINDS: dict[type[Any], str] = {
    EcgChunk: "ecg",
    XrayFrame: "xray",
    Gap: "gap",
    EndOfStream: "end",
    Beat: "beat",
    HeartRate: "heart-rate",
    Rhythm: "rhythm",
    SignalQuality: "signal-quality",
    StLevels: "st",
    CatheterFix: "fix",
    Overlay: "overlay",
    CardiacPhase: "phase",
    Classification: "classification",
    ModelChange: "model",
    AlarmEvent: "alarm",
    AlarmInactivation: "inactivation",
    AlarmCommand: "command",
    AlarmAnswer: "answer",
    LedgerReport: "ledger",
}
SLOT = b"slot/"
"""Begins the topic of frames whose pixels lie in shared memory."""
KINDS = tuple(_KINDS.values())
"""Every kind a topic may begin with."""

_ENCODE = msgspec.msgpack.Encoder().encode
_ECG = msgspec.msgpack.Decoder(EcgHeader)
_FRAME = msgspec.msgpack.Decoder(FrameHeader)
_BODIES: dict[str, msgspec.msgpack.Decoder[BodyHeader[Any]]] = {
    kind: msgspec.msgpack.Decoder(BodyHeader[type_])  # type: ignore[valid-type]
    for type_, kind in _KINDS.items()
    if type_ not in (EcgChunk, XrayFrame)
}
_VERSION = msgspec.msgpack.Decoder(_Version)
_STREAM = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_SAMPLE = np.dtype("<f4")
_PIXELS: dict[str, np.dtype[Any]] = {"uint8": np.dtype("u1"), "uint16": np.dtype("<u2")}
_NO_PAYLOAD = b""
_SMALL_BYTES = 16 * 1024
"""A payload that is copied sooner than looked at."""
_COUNTERS = frozenset(
    {"seq", "first", "count", "offered", "frame", "captured_ns", "changed_ns", "emitted_ns", "given_ns"}
)


@lru_cache(maxsize=4096)
def topic_of(kind: str, stream: str) -> bytes:
    """Give the topic `<kind>/<stream id>`.

    Raises
    ------
    MalformedMessage
        If the stream id is empty, longer than 128 characters or holds anything but letters, digits and `. _ - /`.
    """
    if len(stream) > 128 or not _STREAM.fullmatch(stream):
        msg = f"stream id {stream[:140]!r}: use 1 to 128 letters, digits, '.', '_', '-', parts joined by '/'"
        raise MalformedMessage(msg)
    return f"{kind}/{stream}".encode("ascii")


def stream_in_slots(topic: bytes) -> str:
    """Give the stream of a topic that begins with `SLOT`.

    Raises
    ------
    MalformedMessage
        If it is not a stream's.
    """
    return _read_topic(b"xray/" + topic[len(SLOT) :])[1]


@lru_cache(maxsize=4096)
def _read_topic(topic: bytes) -> tuple[str, str]:
    kind, slash, stream = topic[:160].decode("ascii", "replace").partition("/")
    if not slash or kind not in KINDS:
        msg = f"topic {topic[:40]!r}: expected '<kind>/<stream id>' with a kind of {', '.join(KINDS)}"
        raise MalformedMessage(msg)
    if topic_of(kind, stream) != topic:
        msg = f"topic {topic[:40]!r}: too long"
        raise MalformedMessage(msg)
    return kind, stream


def encode(message: Message, epoch: int = 1) -> list[bytes | memoryview]:
    """Give the three parts of a message.

    The payload is a view of the message's own array where that is C-ordered.

    Parameters
    ----------
    message
        Any item or finding, with `seq` set.
    epoch
        Number of this run of the publisher; it changes when sequence numbers start over.

    Raises
    ------
    MalformedMessage
        If a receiver would refuse the message.
    """
    payload: bytes | memoryview = _NO_PAYLOAD
    if type(message) is EcgChunk:
        kind = "ecg"
        header, payload = _encode_ecg(message, epoch)
    elif type(message) is XrayFrame:
        kind = "xray"
        header, payload = _encode_frame(message, epoch)
    else:
        kind = _KINDS[type(message)]
        _check_body(message)
        header = _ENCODE(BodyHeader(v=1, kind=kind, epoch=epoch, body=message))
    if len(header) > HEADER_LIMIT_BYTES:
        msg = f"header of {len(header)} bytes in {kind} message of {message.stream!r}: limit {HEADER_LIMIT_BYTES}"
        raise MalformedMessage(msg)
    return [topic_of(kind, message.stream), header, payload]


def _encode_ecg(chunk: EcgChunk, epoch: int) -> tuple[bytes, memoryview]:
    samples = np.ascontiguousarray(chunk.samples, _SAMPLE)
    leads = chunk.leads
    if samples.ndim != 2 or not 1 <= len(leads) <= MAX_LEADS or samples.shape[1] != len(leads) or not len(samples):
        msg = f"ECG samples of shape {samples.shape} with {len(leads)} leads: expected (n_samples, 1 to {MAX_LEADS})"
        raise MalformedMessage(msg)
    if not 100 <= chunk.rate_hz <= 2000:
        msg = f"rate_hz {chunk.rate_hz}: expected 100 to 2000"
        raise MalformedMessage(msg)
    header = EcgHeader(
        v=1,
        kind="ecg",
        stream=chunk.stream,
        epoch=epoch,
        seq=chunk.seq,
        first_sample=chunk.first_sample,
        n_samples=len(samples),
        captured_ns=chunk.captured_ns,
        clock=chunk.clock,
        rate_hz=chunk.rate_hz,
        leads=leads,
        dtype="float32",
        units="mV",
        trace=chunk.trace,
    )
    return _ENCODE(header), samples.data.cast("B")


def _encode_frame(frame: XrayFrame, epoch: int) -> tuple[bytes, memoryview]:
    pixels = frame.pixels
    dtype = pixels.dtype.name
    if dtype not in _PIXELS or pixels.ndim != 2 or not 0 < min(pixels.shape) <= max(pixels.shape) <= 8192:
        msg = f"pixels of shape {pixels.shape} and type {dtype}: expected (height, width) uint8 or uint16, up to 8192"
        raise MalformedMessage(msg)
    header = FrameHeader(
        v=1,
        kind="xray",
        stream=frame.stream,
        epoch=epoch,
        seq=frame.seq,
        frame=frame.frame,
        shape=(pixels.shape[0], pixels.shape[1]),
        captured_ns=frame.captured_ns,
        clock=frame.clock,
        rate_hz=frame.rate_hz,
        bits=frame.bits,
        dtype=dtype,  # type: ignore[arg-type]
        spacing_mm=frame.spacing_mm,
        spacing_plane=frame.spacing_plane,
        projection=frame.projection,
        trace=frame.trace,
    )
    return _ENCODE(header), np.ascontiguousarray(pixels, _PIXELS[dtype]).data.cast("B")


def decode(parts: Sequence[Part]) -> Message:
    """Read the message that three parts hold.

    Arrays are aligned and writable, so that compiled code need not be compiled for others: a view of a large payload
    where that is both, else a copy.

    Raises
    ------
    MalformedMessage
        If the parts are not a valid message of wire version 1; says which field is wrong.
    """
    return decode_envelope(parts).message


def decode_envelope(parts: Sequence[Part], *, in_place: bool = False) -> Envelope:
    """Read a message together with its epoch; as `decode` otherwise.

    Parameters
    ----------
    parts
        Topic, header and payload.
    in_place
        Frames are views of their payload though it cannot be written.
    """
    if len(parts) != 3:
        msg = f"{len(parts)} parts: expected [topic, header, payload]"
        raise MalformedMessage(msg)
    topic, header = bytes(parts[0]), bytes(parts[1])
    kind, stream = _read_topic(topic)
    if len(header) > HEADER_LIMIT_BYTES:
        msg = f"header of {len(header)} bytes: limit {HEADER_LIMIT_BYTES}"
        raise MalformedMessage(msg)
    payload = memoryview(parts[2]).cast("B")
    try:
        if kind == "ecg":
            return _decode_ecg(stream, header, payload)
        if kind == "xray":
            return _decode_frame(stream, header, payload, in_place=in_place)
        return _decode_body(kind, stream, header, payload)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedMessage(_why(header, error)) from error


def _why(header: bytes, error: Exception) -> str:
    try:
        version = _VERSION.decode(header).v
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        version = WIRE_VERSION
    if version != WIRE_VERSION:
        return f"unknown wire version {version!r:.20}: this reader knows {WIRE_VERSION}"
    return f"header: {error}"


def _check_stream(found: str, expected: str) -> None:
    if found != expected:
        msg = f"header names stream {found[:140]!r}, the topic {expected!r}"
        raise MalformedMessage(msg)


def _check_length(payload: memoryview, expected: int) -> None:
    if len(payload) != expected or expected > PAYLOAD_LIMIT_BYTES:
        msg = f"payload of {len(payload)} bytes: the header says {expected}, limit {PAYLOAD_LIMIT_BYTES}"
        raise MalformedMessage(msg)


def _array(
    payload: memoryview, dtype: np.dtype[Any], shape: tuple[int, int], *, in_place: bool = False
) -> npt.NDArray[Any]:
    if len(payload) <= _SMALL_BYTES and not in_place:
        return np.ndarray(shape, dtype, bytearray(payload))
    array = np.frombuffer(payload, dtype).reshape(shape)
    return array if array.flags.aligned and (array.flags.writeable or in_place) else array.copy()


def _decode_ecg(stream: str, data: bytes, payload: memoryview) -> Envelope:
    header = _ECG.decode(data)
    _check_stream(header.stream, stream)
    n_leads = len(header.leads)
    _check_length(payload, 4 * header.n_samples * n_leads)
    chunk = EcgChunk(
        stream=stream,
        first_sample=header.first_sample,
        rate_hz=header.rate_hz,
        leads=header.leads,
        samples=_array(payload, _SAMPLE, (header.n_samples, n_leads)),
        captured_ns=header.captured_ns,
        seq=header.seq,
        clock=header.clock,
        trace=header.trace,
    )
    return Envelope(chunk, header.epoch)


def _decode_frame(stream: str, data: bytes, payload: memoryview, *, in_place: bool) -> Envelope:
    header = _FRAME.decode(data)
    _check_stream(header.stream, stream)
    dtype = _PIXELS[header.dtype]
    if header.bits > 8 * dtype.itemsize:
        msg = f"header: {header.bits} bits do not fit {header.dtype} - at `$.bits`"
        raise MalformedMessage(msg)
    height, width = header.shape
    _check_length(payload, dtype.itemsize * height * width)
    frame = XrayFrame(
        stream=stream,
        frame=header.frame,
        pixels=_array(payload, dtype, (height, width), in_place=in_place),
        bits=header.bits,
        rate_hz=header.rate_hz,
        spacing_mm=header.spacing_mm,
        spacing_plane=header.spacing_plane,
        projection=header.projection,
        captured_ns=header.captured_ns,
        seq=header.seq,
        clock=header.clock,
        trace=header.trace,
    )
    return Envelope(frame, header.epoch)


def _decode_body(kind: str, stream: str, data: bytes, payload: memoryview) -> Envelope:
    header = _BODIES[kind].decode(data)
    message: Message = header.body
    if header.kind != kind:
        msg = f"header says kind {header.kind[:40]!r}, the topic {kind!r}"
        raise MalformedMessage(msg)
    _check_stream(message.stream, stream)
    _check_length(payload, 0)
    _check_body(message)
    return Envelope(message, header.epoch)


def _check_body(message: Any) -> None:
    """Refuse counters that are negative or past 63 bits, and numbers that are not finite."""
    for name, value in zip(message.__struct_fields__, msgspec.structs.astuple(message), strict=True):
        if type(value) is int:
            lowest = 0 if name in _COUNTERS else -LARGEST_INTEGER
            if not lowest <= value <= LARGEST_INTEGER:
                msg = f"{name} {value}: expected {lowest} to {LARGEST_INTEGER}"
                raise MalformedMessage(msg)
        elif type(value) is float and not math.isfinite(value):
            msg = f"{name} {value}: expected a finite number"
            raise MalformedMessage(msg)
