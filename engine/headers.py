"""The headers of messages on the wire: which fields they have and what their values may be."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

import msgspec
from msgspec import Meta

from heartwire.engine.messages import Projection, Spacing, Trace

MAX_LEADS = 12
LARGEST_INTEGER = 2**63 - 1

Body = TypeVar("Body")
"""The message that travels whole inside its header."""

_Count = Annotated[int, Meta(ge=0, le=LARGEST_INTEGER)]
_Size = Annotated[int, Meta(ge=1, le=8192)]
_Name = Annotated[str, Meta(min_length=1, max_length=32)]


class EcgHeader(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What stands before the samples of an `EcgChunk`."""

    v: Literal[1]
    kind: Literal["ecg"]
    stream: str
    epoch: _Count
    seq: _Count
    first_sample: _Count
    n_samples: Annotated[int, Meta(ge=1, le=1_000_000)]
    captured_ns: _Count
    clock: _Name
    rate_hz: Annotated[float, Meta(ge=100, le=2000)]
    leads: Annotated[tuple[_Name, ...], Meta(min_length=1, max_length=MAX_LEADS)]
    dtype: Literal["float32"]
    units: Literal["mV"]
    trace: Trace


class FrameHeader(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What stands before the pixels of an `XrayFrame`."""

    v: Literal[1]
    kind: Literal["xray"]
    stream: str
    epoch: _Count
    seq: _Count
    frame: _Count
    shape: tuple[_Size, _Size]
    captured_ns: _Count
    clock: _Name
    rate_hz: Annotated[float, Meta(ge=0, le=1000)]
    bits: Annotated[int, Meta(ge=1, le=16)]
    dtype: Literal["uint8", "uint16"]
    spacing_mm: tuple[Spacing, Spacing] | None = None
    spacing_plane: Literal["patient", "detector", "unknown"] = "unknown"
    projection: Projection | None = None
    trace: Trace


class BodyHeader(msgspec.Struct, Generic[Body], kw_only=True, omit_defaults=True):
    """The header of every other message: the message itself is the body, the payload is empty."""

    v: Literal[1]
    kind: str
    epoch: _Count
    body: Body
