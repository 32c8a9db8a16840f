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

from heartwire.engine.messages import Beat

CLOCK, STRIP, BEAT, FRAME, STATUS = range(5)

_HEAD = struct.Struct("<BxHI")
_CLOCK = struct.Struct("<dIxxxx")
_STRIP = struct.Struct("<ddfBxxx")
_BEAT = struct.Struct("<dc7x")
_SIZE = struct.Struct("<I")
INVALID_UV = -32768
"""Stands for a sample that the device declared invalid."""


def _record(kind: int, stream: int, *parts: bytes) -> bytes:
    length = sum(map(len, parts))
    return b"".join((_HEAD.pack(kind, stream, length), *parts, bytes(-length % 8)))


def clock(now_ns: int, number: int) -> bytes:
    """Pack what starts each message: the server's time and the message's number, which the page sends back."""
    return _record(CLOCK, 0, _CLOCK.pack(now_ns / 1e6, number))


def strip(
    stream: int, first_sample: int, end_ns: int, rate_hz: float, lead: int, samples_mv: npt.NDArray[np.float32]
) -> bytes:
    """Pack samples of one lead as int16 in uV.

    Parameters
    ----------
    stream
        Number of the stream.
    first_sample
        Number of the first sample in its stream.
    end_ns
        When the last sample was captured (or came, where that is unknown).
    rate_hz
        Sampling rate.
    lead
        Number of the lead in the stream.
    samples_mv
        (n_samples,) in mV, NaN for invalid; beyond +-32.767 mV they are clipped.
    """
    clipped_uv = np.clip(samples_mv, -32.767, 32.767) * np.float32(1000)
    samples_uv = np.where(np.isnan(clipped_uv), INVALID_UV, np.rint(clipped_uv)).astype("<i2")
    return _record(STRIP, stream, _STRIP.pack(first_sample, end_ns / 1e6, rate_hz, lead), samples_uv.tobytes())


def beat(stream: int, finding: Beat) -> bytes:
    """Pack the R peak and the AAMI class of a beat."""
    return _record(BEAT, stream, _BEAT.pack(finding.sample, finding.label.encode()))


def frame(stream: int, about: dict[str, Any], image: bytes) -> bytes:
    """Pack an X-ray frame: what is known about it as JSON, then its picture."""
    head = msgspec.json.encode(about)
    return _record(FRAME, stream, _SIZE.pack(len(head)), head, image)


def status(document: bytes) -> bytes:
    """Pack the status document, JSON as `GET /api/status` gives it."""
    return _record(STATUS, 0, document)
