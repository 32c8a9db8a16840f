"""What subscribers and publishers tell each other beside the data: the resend protocol of `docs/wire.md`.

A subscriber sends requests from a DEALER socket, one msgpack map each. The publisher answers `[b"offer", map]` or
`[b"resent", map]`; offers also go out to everybody on the data socket, as a heartbeat.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple, TypeAlias

import msgspec
import zmq
from msgspec import Meta

from heartwire.engine.errors import ConfigError, MalformedMessage
from heartwire.engine.slots import Segment

OFFER = b"offer"
RESENT = b"resent"
REQUEST_LIMIT_BYTES = 256 * 1024
RESEND_BATCH = 256
"""Most messages that one resend request may ask for."""

_Seq = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Acknowledged = Annotated[int, Meta(ge=-1, le=2**63 - 1)]
_Stream = Annotated[str, Meta(min_length=1, max_length=128)]


class Hello(msgspec.Struct, kw_only=True, tag_field="do", tag="hello"):
    """A subscriber is there; repeated every second. One that is `registered` is waited for by a lossless publisher."""

    v: Literal[1] = 1
    streams: list[_Stream] | None = None
    registered: bool = False
    acknowledged: dict[_Stream, _Acknowledged] = {}


class Resend(msgspec.Struct, kw_only=True, tag_field="do", tag="resend"):
    """Messages `first` to `last` of a stream are wanted again."""

    v: Literal[1] = 1
    stream: _Stream
    epoch: _Seq
    first: _Seq
    last: _Seq


class Acknowledge(msgspec.Struct, kw_only=True, tag_field="do", tag="acknowledge"):
    """Everything up to these sequence numbers has been processed."""

    v: Literal[1] = 1
    seqs: dict[_Stream, _Acknowledged]


class Goodbye(msgspec.Struct, kw_only=True, tag_field="do", tag="goodbye"):
    """A subscriber leaves for good; nobody waits for it any more."""

    v: Literal[1] = 1


Request: TypeAlias = Hello | Resend | Acknowledge | Goodbye


class Offer(msgspec.Struct, kw_only=True):
    """What a publisher can give: by stream, the oldest sequence number it still has and the next one it will use.

    `waits` says whether it waits for acknowledgements now: where it does not, those of each hello are enough.
    `segments` tells of streams whose frames lie in shared memory.
    """

    v: Literal[1] = 1
    epoch: _Seq
    instance: _Seq
    streams: dict[_Stream, tuple[_Seq, _Seq]]
    waits: bool = True
    segments: dict[_Stream, Segment] = {}


class Resent(msgspec.Struct, kw_only=True):
    """The answer to a `Resend`, after the messages: what lies before `oldest` is gone, `next` has not been used."""

    v: Literal[1] = 1
    stream: _Stream
    epoch: _Seq
    first: _Seq
    last: _Seq
    oldest: _Seq
    next: _Seq


class CurveKeys(NamedTuple):
    """Keys that encrypt a connection (CurveZMQ), each 40 characters of Z85; make pairs with `zmq.curve_keypair()`."""

    public: bytes
    secret: bytes
    server: bytes | None = None  # the publisher's public key; a subscriber must have it

    def serve(self, socket: zmq.Socket[bytes]) -> None:
        """Set up a publisher's socket."""
        socket.curve_server = True
        socket.curve_publickey, socket.curve_secretkey = self.public, self.secret

    def join(self, socket: zmq.Socket[bytes]) -> None:
        """Set up a subscriber's socket."""
        if self.server is None:
            msg = "CurveKeys.server is missing: a subscriber needs the publisher's public key"
            raise ConfigError(msg)
        socket.curve_publickey, socket.curve_secretkey = self.public, self.secret
        socket.curve_serverkey = self.server


_REQUEST: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_OFFER = msgspec.msgpack.Decoder(Offer)
_RESENT = msgspec.msgpack.Decoder(Resent)
encode = msgspec.msgpack.Encoder().encode


def decode_request(raw: bytes) -> Request:
    """Read a subscriber's request.

    Raises
    ------
    MalformedMessage
        If it is none.
    """
    try:
        return _REQUEST.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f"request: {error}"
        raise MalformedMessage(msg) from error


def decode_reply(topic: bytes, raw: bytes) -> Offer | Resent:
    """Read a publisher's offer or the end of what it resent.

    Raises
    ------
    MalformedMessage
        If it is neither.
    """
    if topic not in (OFFER, RESENT):
        msg = f"reply {topic[:40]!r}: expected offer or resent"
        raise MalformedMessage(msg)
    try:
        return _OFFER.decode(raw) if topic == OFFER else _RESENT.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f"{topic.decode()}: {error}"
        raise MalformedMessage(msg) from error


def control_endpoint(endpoint: str) -> str:
    """Give the control endpoint that belongs to a data endpoint: the next TCP port, or the name with `.control`."""
    if not endpoint.startswith("tcp://"):
        return f"{endpoint}.control"
    host, _, port = endpoint.rpartition(":")
    if port == "*":
        return endpoint
    if not port.isdigit():
        msg = f"endpoint {endpoint!r}: expected tcp://HOST:PORT"
        raise ConfigError(msg)
    return f"{host}:{int(port) + 1}"
