"""The binary records that the page understands; `docs/dashboard.md` describes them for other readers.

A websocket message is a row of records. Each starts with `kind` (u8), a spare byte, the stream's number (u16) and the
length of its body (u32), all little-endian, and is padded with zeros to a multiple of 8 bytes.
"""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.messages import Beat, EcgChunk

CLOCK, STRIP, BEAT, FRAME, STATUS, LEADS, PIECE = range(7)

_HEAD = struct.Struct("<BxHI")
_CLOCK = struct.Struct("<dIf")
_STRIP = struct.Struct("<ddfBBxx")
_BEAT = struct.Struct("<dc7x")
_SIZE = struct.Struct("<I")
INVALID_UV = -32768
"""Stands for a sample that the device declared invalid."""


def _record(kind: int, stream: int, *parts: bytes) -> bytes:
    length = sum(map(len, parts))
    return b"".join((_HEAD.pack(kind, stream, length), *parts, bytes(-length % 8)))


def microvolts(samples_mv: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Give samples in mV as int16 in uV: NaN becomes `INVALID_UV`, what is beyond +-32.767 mV is clipped."""
    clipped_uv = np.clip(samples_mv, -32.767, 32.767) * np.float32(1000)
    samples_uv: npt.NDArray[np.int16] = np.where(np.isnan(clipped_uv), INVALID_UV, np.rint(clipped_uv)).astype("<i2")
    return samples_uv


def clock(now_ns: int, number: int, round_trip_ms: float) -> bytes:
    """Pack what starts each message.

    Parameters
    ----------
    now_ns
        The server's time.
    number
        The message's number, which the page sends back.
    round_trip_ms
        The shortest time lately from a message to the page's answer.
    """
    return _record(CLOCK, 0, _CLOCK.pack(now_ns / 1e6, number, round_trip_ms))


def strip(stream: int, chunk: EcgChunk, end_ns: int, lead: int, samples_uv: npt.NDArray[np.int16]) -> bytes:
    """Pack the lead of a chunk that is shown of each bed.

    Parameters
    ----------
    stream
        Number of the stream.
    chunk
        Where the samples come from.
    end_ns
        When its last sample was captured (or came, where that is unknown).
    lead
        Number of the lead.
    samples_uv
        (n_samples, n_leads) in uV, `INVALID_UV` where invalid.
    """
    head = _STRIP.pack(chunk.first_sample, end_ns / 1e6, chunk.rate_hz, lead, 1)
    return _record(STRIP, stream, head, samples_uv[:, lead].tobytes())


def leads(stream: int, chunk: EcgChunk, end_ns: int, samples_uv: npt.NDArray[np.int16]) -> bytes:
    """Pack all leads of a chunk, for whoever watches this bed; parameters as of `strip`."""
    head = _STRIP.pack(chunk.first_sample, end_ns / 1e6, chunk.rate_hz, 0, samples_uv.shape[1])
    return _record(LEADS, stream, head, samples_uv.tobytes())


def beat(stream: int, finding: Beat) -> bytes:
    """Pack the R peak and the AAMI class of a beat."""
    return _record(BEAT, stream, _BEAT.pack(finding.sample, finding.label.encode()))


def frame(stream: int, about: dict[str, Any], image: bytes) -> bytes:
    """Pack an X-ray frame: what is known about it as JSON, then its picture."""
    return _headed(FRAME, stream, about, image)


def status(document: bytes) -> bytes:
    """Pack the status document, JSON as `GET /api/status` gives it."""
    return _record(STATUS, 0, document)


def piece(stream: int, about: dict[str, Any], samples_uv: bytes) -> bytes:
    """Pack a piece of a recording: what is known about it as JSON, then int16 samples of all its leads in uV."""
    return _headed(PIECE, stream, about, samples_uv)


def _headed(kind: int, stream: int, about: dict[str, Any], body: bytes) -> bytes:
    head = msgspec.json.encode(about)
    return _record(kind, stream, _SIZE.pack(len(head)), head, body)
