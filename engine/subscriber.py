"""Subscribing: the messages of one publisher, each stream in order, without loss where the publisher still has them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Literal, NamedTuple, Self

import zmq

from heartwire.engine import control
from heartwire.engine.control import Acknowledge, CurveKeys, Goodbye, Hello, Offer, Resent
from heartwire.engine.errors import ConfigError, MalformedMessage
from heartwire.engine.inbox import Inbox
from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Message, XrayFrame
from heartwire.engine.ordering import Counts, Patience, Position, StreamOrder
from heartwire.engine.slots import Segment, SlotReader, decode_descriptor
from heartwire.engine.wire import (
    HEADER_LIMIT_BYTES,
    KINDS,
    PAYLOAD_LIMIT_BYTES,
    SLOT,
    Envelope,
    Part,
    decode_envelope,
    stream_in_slots,
    topic_of,
)

_HELLO_NS = 1_000_000_000
_TIMER_NS = 20_000_000
"""How often a subscriber that waits for an answer looks at its timers."""
_IDLE_NS = 250_000_000
"""How often one looks at them that waits for nothing."""
_AT_ONCE = 1024
"""Most messages taken from a socket in one turn."""
_MAX_STREAMS = 4096
_LINGER_MS = 1000
_NO_CONTROL_NS = 1_000_000_000
"""A publisher that sends data but never answers for so long has no control socket."""
# Plain integers: pyzmq's flags are enumerations, whose arithmetic costs more than the call.
_NOW = int(zmq.DONTWAIT)
_EVENTS, _READABLE = int(zmq.EVENTS), int(zmq.POLLIN)
_FRAMES = "xray"
_ITEMS = (EcgChunk, XrayFrame, Gap, EndOfStream)


class SubscriberStatistics(NamedTuple):
    """What a subscriber has seen so far."""

    received: int  # valid messages taken from the sockets
    delivered: int  # messages given out, without the gaps made here
    duplicates: int  # messages that had come before
    recovered: int  # messages that came because they were asked for
    requests: int  # times that missing messages were asked for
    missing: int  # messages that could not be had again
    deferred: int  # messages left to the publisher's ring because too many were held already
    restarts: int  # times that a publisher started afresh
    refused: int  # what was not a valid message
    last_refusal: str  # why the last one was refused
    held: bool  # whether messages are known to exist that have not come yet


class Subscriber:
    """Receives from one publisher; owned by one thread.

    Each stream comes in order and once. A jump in the sequence numbers is asked for again; later messages of that
    stream wait meanwhile. Samples or frames that cannot be had become a `Gap` in their place.

    Parameters
    ----------
    endpoint
        The publisher's data endpoint; it need not be there yet.
    control_endpoint
        The publisher's control endpoint; the one that belongs to `endpoint` if not given.
    streams
        Ids of the streams wanted; all if not given.
    identity
        A name makes this a registered subscriber: a lossless publisher waits for what it acknowledges, also after a
        restart under the same name.
    start_from
        By stream, the sequence number (or `Position`) of the last message processed before a restart.
    late_join
        "ring" begins a stream with the oldest message that the publisher has, "live" with the next one.
    in_place
        Ids of the streams whose frames are given as they lie in the publisher's shared memory, where they may be
        written over (`XrayFrame.check`); of others they are copied.
    patience
        When to ask again and when to give up.
    high_water
        Messages that the SUB socket queues before the publisher drops.
    keys
        CURVE keys, with the publisher's; None receives in clear.
    context
        ZeroMQ context; the process-wide one if not given.

    Raises
    ------
    ConfigError
        If an endpoint is not one.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        control_endpoint: str | None = None,
        streams: Sequence[str] | None = None,
        identity: str | None = None,
        start_from: Mapping[str, int | Position] | None = None,
        late_join: Literal["ring", "live"] = "ring",
        in_place: Sequence[str] = (),
        patience: Patience | None = None,
        high_water: int = 1000,
        keys: CurveKeys | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self._streams = None if streams is None else frozenset(streams)
        self._registered = identity is not None
        self._start = {s: p if isinstance(p, Position) else Position(p) for s, p in (start_from or {}).items()}
        self._history = late_join == "ring"
        self._in_place = frozenset(in_place)
        self._slots: dict[str, SlotReader] = {}
        self._closed: set[int] = set()
        """Shared memory that could not be opened."""
        self._patience = patience or Patience()
        self._orders: dict[str, StreamOrder] = {}
        self._waiting: set[StreamOrder] = set()
        """Those that may miss something."""
        self._counts = Counts()
        self._out: list[Message] = []
        self._acknowledged = {stream: position.seq for stream, position in self._start.items()}
        self._unsent: dict[str, int] = {}
        self._prompt = True
        """Whether the publisher waits for acknowledgements; else those of each hello are enough."""
        self._hello_due_ns = 0
        self.due_ns = 0
        """When `tend` is to be called next; it may change with what is taken."""
        self._instance: int | None = None
        self._heard_ns = 0
        self._first_heard_ns = 0
        self._answered = False
        context = context or zmq.Context.instance()
        self._data = context.socket(zmq.SUB)
        self._data.rcvhwm = high_water
        # Topics go the other way: ZeroMQ would drop without a word those past the mark, all of a stream's messages.
        self._data.sndhwm = 0
        self._data.maxmsgsize = PAYLOAD_LIMIT_BYTES + HEADER_LIMIT_BYTES
        self._control = context.socket(zmq.DEALER)
        self._control.maxmsgsize = PAYLOAD_LIMIT_BYTES + HEADER_LIMIT_BYTES
        # Requests to a publisher that is away would come to one that has forgotten what they were about.
        self._control.immediate = True
        if identity is not None:
            self._control.identity = identity.encode()
        for topic in self._topics():
            self._data.subscribe(topic)
        try:
            self._connect(self._data, endpoint, keys)
            self._connect(self._control, control_endpoint or control.control_endpoint(endpoint), keys)
        except ConfigError:
            self._data.close(linger=0)
            self._control.close(linger=0)
            raise
        self._alone = Inbox([self])

    @property
    def sockets(self) -> tuple[zmq.Socket[bytes], zmq.Socket[bytes]]:
        """The sockets that an inbox waits at."""
        return self._data, self._control

    def receive(self, timeout_ms: float = 0) -> list[Message]:
        """Take all messages that wait, in order by stream; empty if none came in time.

        Sets `trace.received_ns` of items.
        """
        return self._alone.receive(timeout_ms)

    def take(self, socket: zmq.Socket[bytes]) -> None:
        """Take what waits at a socket that is readable."""
        resent = socket is self._control
        with suppress(zmq.Again):
            for _ in range(_AT_ONCE):
                parts = _receive_parts(socket)
                try:
                    self._take(parts, resent)
                except MalformedMessage as error:
                    self._counts.refuse(str(error))
                # An exception at the end of each turn would cost more than the message.
                if not int(socket.get(_EVENTS)) & _READABLE:
                    break
        if self._waiting:
            self.due_ns = 0

    def taken(self) -> list[Message]:
        """Give out what was taken, in order by stream."""
        if not self._out:
            return self._out
        out = self._out[:]
        self._out.clear()
        return out

    def tend(self, now_ns: int) -> None:
        """Greet the publisher, and ask for what is missing."""
        if now_ns >= self._hello_due_ns:
            self._greet(now_ns)
        for order in list(self._waiting):
            self._mend(order, now_ns)
            if not order.waiting:
                self._waiting.remove(order)
        timer_ns = _TIMER_NS if self._waiting or not self._answered else _IDLE_NS
        self.due_ns = min(self._hello_due_ns, now_ns + timer_ns)

    def send_acknowledgements(self) -> None:
        """Send what is not sent yet, to a publisher that waits for it."""
        if self._unsent and self._prompt and self._request(Acknowledge(seqs=self._unsent)):
            self._unsent.clear()

    def acknowledge(self, stream: str, seq: int) -> None:
        """Say that everything of a stream up to `seq` has been processed.

        It is sent with the next `receive` to a publisher that waits for it, else within a second.
        """
        self._acknowledged[stream] = self._unsent[stream] = seq

    def epoch(self, stream: str) -> int | None:
        """Give the publisher's run that a stream is in, for the `Position` to restart from; None before its first."""
        order = self._orders.get(stream)
        return order.epoch if order else None

    def statistics(self) -> SubscriberStatistics:
        """Give the counts so far."""
        return SubscriberStatistics(**vars(self._counts), held=any(order.waiting for order in self._waiting))

    def close(self, leave: bool = True) -> None:
        """Close both sockets; with `leave`, nobody waits for this subscriber any more."""
        self._prompt = True
        self.send_acknowledgements()
        if leave and self._registered:
            self._request(Goodbye())
        self._control.close(linger=_LINGER_MS)
        self._data.close(linger=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Subscriber: {self.endpoint}, {len(self._orders)} streams, {self._counts.delivered} delivered>"

    def _topics(self) -> list[bytes]:
        if self._streams is None:
            return [b""]
        return [control.OFFER, *(topic_of(kind, stream) for stream in self._streams for kind in KINDS)]

    def _connect(self, socket: zmq.Socket[bytes], endpoint: str, keys: CurveKeys | None) -> None:
        socket.reconnect_ivl = 50
        if keys is not None:
            keys.join(socket)
        try:
            socket.connect(endpoint)
        except zmq.ZMQError as error:
            msg = f"cannot subscribe to {endpoint!r}: {error}"
            raise ConfigError(msg) from error

    def _mend(self, order: StreamOrder, now_ns: int) -> None:
        if not self._answered and self._heard_ns - self._first_heard_ns > _NO_CONTROL_NS:
            order.give_up()
        elif request := order.want(now_ns, alive=self._heard_ns > order.asked_ns):
            self._request(request)

    def _greet(self, now_ns: int) -> None:
        streams = None if self._streams is None else sorted(self._streams)
        hello = Hello(streams=streams, registered=self._registered, acknowledged=self._acknowledged)
        # Until a publisher answers, greet at every look at the timers: it may have come up just now.
        sent = self._request(hello)
        self._hello_due_ns = now_ns + (_HELLO_NS if sent else _TIMER_NS)
        if sent:
            self._unsent.clear()

    def _request(self, request: control.Request) -> bool:
        with suppress(zmq.Again):
            self._control.send(control.encode(request), zmq.DONTWAIT)
            return True
        return False

    def _take(self, parts: list[Part], resent: bool) -> None:
        if len(parts) == 2:
            self._hear(resent)
            reply = control.decode_reply(bytes(parts[0]), bytes(parts[1]))
            if isinstance(reply, Offer):
                self._take_offer(reply)
            else:
                self._take_resent(reply)
            return
        if parts[0][: len(SLOT)] == SLOT:
            found = self._look_up(parts)
            if found is None:
                return
            message, epoch = found
        else:
            message, epoch = decode_envelope(parts)
        if self._streams is not None and message.stream not in self._streams:
            return
        self._hear(resent)
        if isinstance(message, _ITEMS):
            message.trace.received_ns = self._heard_ns
        self._counts.received += 1
        order = self._order(message.stream)
        order.take(message, epoch, resent)
        if order.waiting:
            self._waiting.add(order)

    def _hear(self, answered: bool) -> None:
        self._heard_ns = time.monotonic_ns()
        self._first_heard_ns = self._first_heard_ns or self._heard_ns
        self._answered = self._answered or answered

    def _take_offer(self, offer: Offer) -> None:
        if offer.instance != self._instance:
            self._instance = offer.instance
            for stream in list(self._slots):
                self._detach(stream)
            self._hello_due_ns = self.due_ns = 0
        self._prompt = offer.waits
        for stream, (oldest, next_seq) in offer.streams.items():
            if self._streams is None or stream in self._streams:
                order = self._order(stream)
                order.offer(offer.epoch, oldest, next_seq)
                if order.waiting:
                    self._waiting.add(order)

        if self._streams is not None:
            for stream, segment in offer.segments.items():
                if stream in self._streams:
                    self._attach(stream, segment)

    def _attach(self, stream: str, segment: Segment) -> None:
        """Read a stream's frames from shared memory from now on, where that can be opened; else its bytes come on."""
        reader = self._slots.get(stream)
        if segment.number in self._closed or (reader is not None and reader.segment == segment):
            return
        try:
            self._slots[stream] = SlotReader(segment)
        except (OSError, ValueError):
            self._closed.add(segment.number)
            self._detach(stream)
            return
        if reader is None:
            self._data.subscribe(SLOT + stream.encode())
            self._data.unsubscribe(topic_of(_FRAMES, stream))

    def _detach(self, stream: str) -> None:
        if self._slots.pop(stream, None) is not None:
            self._data.subscribe(topic_of(_FRAMES, stream))
            self._data.unsubscribe(SLOT + stream.encode())

    def _look_up(self, parts: list[Part]) -> Envelope | None:
        """Read a frame from shared memory; None where it is gone: then it has not come, and is asked for."""
        stream = stream_in_slots(bytes(parts[0]))
        if len(parts) != 3:
            msg = f"{len(parts)} parts: expected [topic, header, descriptor]"
            raise MalformedMessage(msg)
        told = decode_descriptor(bytes(parts[2]))
        reader = self._slots.get(stream)
        slot = None if reader is None else reader.find(told)
        if slot is None:
            return None
        in_place = stream in self._in_place
        found = decode_envelope([topic_of(_FRAMES, stream), parts[1], slot.memory.data], in_place=in_place)
        if in_place and isinstance(found.message, XrayFrame):
            found.message.slot = slot
        return found if slot.intact else None

    def _take_resent(self, resent: Resent) -> None:
        if order := self._orders.get(resent.stream):
            order.resent(resent)

    def _order(self, stream: str) -> StreamOrder:
        order = self._orders.get(stream)
        if order is None:
            if len(self._orders) >= _MAX_STREAMS:
                msg = f"more than {_MAX_STREAMS} streams from one publisher"
                raise MalformedMessage(msg)
            start = self._start.get(stream)
            order = StreamOrder(stream, self._out, self._counts, self._patience, start, self._history)
            self._orders[stream] = order
        return order


def _receive_parts(socket: zmq.Socket[bytes]) -> list[Part]:
    """Receive one message; its payload is not copied."""
    frame = socket.recv(_NOW, copy=False)
    parts: list[Part] = [frame.bytes]
    while frame.more:
        frame = socket.recv(_NOW, copy=False)
        if len(parts) < 4:
            parts.append(frame.bytes if len(parts) == 1 else frame.buffer)
    return parts
