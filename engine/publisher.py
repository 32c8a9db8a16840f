"""Publishing: numbered messages on a PUB socket, and a ring from which any subscriber can have again what it missed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt
import zmq

from heartwire.engine import control
from heartwire.engine.control import CurveKeys
from heartwire.engine.errors import ConfigError, StreamStalled
from heartwire.engine.messages import AlarmEvent, EcgChunk, EndOfStream, Gap, Message, XrayFrame
from heartwire.engine.request_desk import RequestDesk
from heartwire.engine.ring import Ring, RingLimits
from heartwire.engine.slots import USABLE, Frame, SlotWriter
from heartwire.engine.wire import SLOT, Part, encode

_TOPICS_AT_ONCE = 256
_CONTROL_HIGH_WATER = 4096
_LINGER_MS = 1000
SLOT_FROM_BYTES = 128 * 1024
"""Frames from this size on lie in shared memory: for smaller ones it is no faster."""
_TURN_NS = 1_000_000
"""How often `send` looks for requests."""
# A plain integer: pyzmq's flags are enumerations, whose arithmetic costs more than the call.
_MORE = int(zmq.SNDMORE)
_SNAPSHOT_MESSAGES = 256
_SNAPSHOT_LIMIT = 4096


class PublisherStatistics(NamedTuple):
    """What a publisher has done so far."""

    sent: int  # messages published
    resent: int  # messages sent again because a subscriber asked
    refused: int  # requests that were not valid
    last_refusal: str  # why the last one was refused
    followers: int  # registered subscribers
    kept: int  # messages in the rings
    kept_bytes: int  # bytes in the rings
    waited_s: float  # time spent waiting for acknowledgements


class _Kept(msgspec.Struct):
    next_seq: int
    messages: list[list[bytes]]


class _Snapshot(msgspec.Struct):
    epoch: int
    streams: dict[str, _Kept]


class Publisher:
    """Sends the messages of any number of streams; owned by one thread.

    What the PUB socket drops for a slow or late subscriber is no loss: the subscriber sees it in the sequence numbers
    and asks for it on the control socket. Requests are answered in `send` and `serve`, so a publisher that has nothing
    to send must `serve`.

    Parameters
    ----------
    endpoint
        ZeroMQ endpoint to bind for data; `tcp://127.0.0.1:*` takes any free port.
    control_endpoint
        Endpoint to bind for requests; the one that belongs to `endpoint` if not given.
    epoch
        Number of this run. A restarted publisher that sends the same messages again with the same sequence numbers
        must keep it; one that starts afresh must change it (the default does).
    ring_s, ring_messages, ring_bytes
        How much of each stream is kept for resending.
    high_water
        Messages that the PUB socket queues for one subscriber before it drops.
    window
        Lossless mode: `send` waits while a registered subscriber is this many messages of the stream behind. None:
        never waits, as a live device cannot.
    expected_subscribers
        In lossless mode, how many registered subscribers a stream must have before its first message is sent.
    stall_timeout_s
        How long `send` waits for them before it raises.
    given_up
        Asked while `send` waits for them: True makes it raise at once.
    slots
        How many frames of a stream lie in shared memory at once for subscribers on this host; 0: none do. Only for
        large frames of publishers that never wait, in clear.
    heartbeat_s
        How often offers go out.
    keys
        CURVE keys; None sends in clear.
    context
        ZeroMQ context; the process-wide one if not given.

    Raises
    ------
    ConfigError
        If an endpoint cannot be bound.
    """

    def __init__(
        self,
        endpoint: str,
        *,
        control_endpoint: str | None = None,
        epoch: int | None = None,
        ring_s: float = 60.0,
        ring_messages: int = 65_536,
        ring_bytes: int = 64 * 1024 * 1024,
        high_water: int = 1000,
        window: int | None = None,
        expected_subscribers: int = 1,
        stall_timeout_s: float = 60.0,
        given_up: Callable[[], bool] = lambda: False,
        slots: int = 8,
        heartbeat_s: float = 0.25,
        keys: CurveKeys | None = None,
        context: zmq.Context[zmq.Socket[bytes]] | None = None,
    ) -> None:
        self._limits = RingLimits(ring_s, ring_messages, ring_bytes)
        self._window = window
        self._expected = expected_subscribers
        self._stall_timeout_s = stall_timeout_s
        self._given_up = given_up
        self._heartbeat_ns = round(heartbeat_s * 1e9)
        self._heartbeat_due_ns = self._turn_due_ns = 0
        self._rings: dict[str, Ring] = {}
        self._n_slots = slots if USABLE and window is None and keys is None else 0
        self._slots: dict[str, SlotWriter] = {}
        self._topics: set[bytes] = set()
        """What subscribers subscribed to."""
        self._gathered: list[Sequence[Part]] | None = None
        """What leaves together."""
        self._sent = self._waited_ns = 0
        context = context or zmq.Context.instance()
        self._data = context.socket(zmq.XPUB)
        self._data.sndhwm = high_water
        self._control = context.socket(zmq.ROUTER)
        self._control.sndhwm = self._control.rcvhwm = _CONTROL_HIGH_WATER
        self._control.maxmsgsize = control.REQUEST_LIMIT_BYTES
        # A subscriber that was killed and comes back takes over its own name at once.
        self._control.router_handover = True
        for socket in (self._data, self._control):
            socket.linger = _LINGER_MS
            if keys is not None:
                keys.serve(socket)
        epoch = time.time_ns() if epoch is None else epoch
        self._desk = RequestDesk(self._control, self._rings, self._slots, epoch=epoch, waits=window is not None)
        self._followers = self._desk.followers
        self._poller = zmq.Poller()
        for socket in (self._data, self._control):
            self._poller.register(socket, zmq.POLLIN)
        self.endpoint = self._bind(self._data, endpoint)
        self.control_endpoint = self._bind(self._control, control_endpoint or control.control_endpoint(endpoint))

    @property
    def epoch(self) -> int:
        """Number of this run."""
        return self._desk.epoch

    def _bind(self, socket: zmq.Socket[bytes], endpoint: str) -> str:
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._data.close(linger=0)
            self._control.close(linger=0)
            msg = f"cannot publish at {endpoint!r}: {error}"
            raise ConfigError(msg) from error
        return socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def send(self, message: Message) -> int:
        """Send a message, numbered, stamped and kept; give its sequence number.

        Sets `seq`, and `trace.sent_ns` of an item or `trace.published_ns` of a finding.

        Raises
        ------
        StreamStalled
            In lossless mode, if a subscriber did not acknowledge in time. Nothing was sent: the call may be repeated.
        MalformedMessage
            If a subscriber would refuse the message.
        """
        # An empty ring is one all the same: it holds the sequence number to go on with.
        ring = self._rings.get(message.stream)
        ring = Ring(self._limits) if ring is None else ring
        if self._window is not None:
            self._await_window(message.stream, ring, self._window)
        now_ns = time.monotonic_ns()
        message.seq = ring.next_seq
        match message:
            case EcgChunk() | XrayFrame() | Gap() | EndOfStream():
                message.trace.sent_ns = now_ns
            case AlarmEvent():
                message.trace.published_ns = message.emitted_ns = now_ns
            case _:
                message.trace.published_ns = now_ns
        parts = encode(message, self._desk.epoch)
        # Sent first, then kept: copying a large frame for the ring takes a good part of a millisecond.
        slots = self._slots_for(message.stream, len(parts[2])) if isinstance(message, XrayFrame) else None
        if slots is not None and isinstance(message, XrayFrame):
            self._transmit([SLOT + message.stream.encode(), parts[1], slots.put(message.pixels).encode()])
        if slots is None or self._wanted(bytes(parts[0])):
            self._transmit(parts)
        # The ring keeps copies: the sender may use its array again.
        self._rings[message.stream] = ring
        ring.append([bytes(part) for part in parts], now_ns)
        ring.trim(now_ns, self._owed_seq(message.stream))
        self._sent += 1
        if now_ns >= self._turn_due_ns:
            self._turn(0)
        return message.seq

    def reserve(self, stream: str, shape: tuple[int, int], kind: npt.DTypeLike) -> Frame:
        """Give an array for the pixels of the next frame of a stream: what is laid there need not be copied to be sent.

        It is the publisher's again once that frame has been sent.
        """
        kind = np.dtype(kind)
        slots = self._slots_for(stream, shape[0] * shape[1] * kind.itemsize)
        return slots.reserve(shape, kind) if slots else np.empty(shape, kind)

    def _slots_for(self, stream: str, n_bytes: int) -> SlotWriter | None:
        """Give a stream's slots for frames of that size; None where they are sent as bytes."""
        slots = self._slots.get(stream)
        if slots is not None and n_bytes <= slots.segment.slot_bytes:
            return slots
        if not self._n_slots or n_bytes < SLOT_FROM_BYTES:
            return None
        try:
            made = SlotWriter(self._n_slots, n_bytes)
        except OSError:
            self._n_slots = 0
            return None
        if slots is not None:
            slots.close()
        self._slots[stream] = made
        self._heartbeat_due_ns = self._turn_due_ns = 0
        return made

    def next_seq(self, stream: str) -> int:
        """Give the sequence number that the next message of a stream will have."""
        ring = self._rings.get(stream)
        return 0 if ring is None else ring.next_seq

    def serve(self, timeout_ms: float = 0) -> None:
        """Answer requests and send heartbeats for this long."""
        deadline_ns = time.monotonic_ns() + round(timeout_ms * 1e6)
        while (left_ns := self._turn(deadline_ns)) > 0:
            if left_ns < 1_000_000:
                time.sleep(left_ns / 1e9)

    def drain(self, timeout_s: float) -> bool:
        """Serve until every registered subscriber has acknowledged everything; False if that took too long."""
        deadline_ns = time.monotonic_ns() + round(timeout_s * 1e9)
        # Those that acknowledge now and then are asked to do so at once.
        self._desk.waits, self._heartbeat_due_ns = True, 0
        try:
            while any(self._behind(stream, ring) for stream, ring in self._rings.items()):
                if self._turn(deadline_ns) <= 0:
                    return False
            return True
        finally:
            self._desk.waits = self._window is not None

    def snapshot(self, stream: str | None = None) -> bytes:
        """Give what `restore` needs to go on with the same sequence numbers.

        Holds the messages that registered subscribers have not acknowledged (4096 at most); of streams that have no
        registered subscriber, the last 256.

        Parameters
        ----------
        stream
            Only this one; all if not given.
        """
        rings = self._rings if stream is None else {stream: self._rings[stream]} if stream in self._rings else {}
        kept = {}
        for name, ring in rings.items():
            needed = self._followers.needed_seq(name)
            last = _SNAPSHOT_MESSAGES if needed is None else min(ring.next_seq - needed, _SNAPSHOT_LIMIT)
            kept[name] = _Kept(ring.next_seq, ring.tail(last))
        return msgspec.msgpack.encode(_Snapshot(self.epoch, kept))

    def restore(self, state: bytes) -> None:
        """Go on where a snapshot was taken: what was sent since is sent again under the same numbers.

        Raises
        ------
        ConfigError
            If the bytes are not a snapshot.
        """
        try:
            snapshot = msgspec.msgpack.decode(state, type=_Snapshot)
        except msgspec.DecodeError as error:
            msg = f"not a publisher's snapshot: {error}"
            raise ConfigError(msg) from error
        self._desk.epoch = snapshot.epoch
        for stream, kept in snapshot.streams.items():
            ring = self._rings[stream] = Ring(self._limits)
            ring.load(kept.next_seq, kept.messages, time.monotonic_ns())
        self._heartbeat_due_ns = 0

    def statistics(self) -> PublisherStatistics:
        """Give the counts so far."""
        return PublisherStatistics(
            sent=self._sent,
            resent=self._desk.resent,
            refused=self._desk.refused,
            last_refusal=self._desk.last_refusal,
            followers=len(self._followers),
            kept=sum(map(len, self._rings.values())),
            kept_bytes=sum(ring.size_bytes for ring in self._rings.values()),
            waited_s=self._waited_ns / 1e9,
        )

    def close(self) -> None:
        """Close both sockets; what was sent still goes out for up to a second."""
        self._data.close()
        self._control.close()
        for slots in self._slots.values():
            slots.close()
        self._slots.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Publisher: {self.endpoint}, {len(self._rings)} streams, {self._sent} sent>"

    @contextmanager
    def together(self) -> Iterator[None]:
        """Let what is sent meanwhile leave at the end, at once: ZeroMQ's thread and who waits are woken once.

        Sent one by one, each message would wake a thread that goes to sleep again before the next is made.
        """
        self._gathered = []
        try:
            yield
        finally:
            self._let_go()
            self._gathered = None

    def _transmit(self, parts: Sequence[Part]) -> None:
        if self._gathered is not None:
            self._gathered.append(parts)
        else:
            self._put(parts)

    def _put(self, parts: Sequence[Part]) -> None:
        self._data.send(parts[0], _MORE)
        self._data.send(parts[1], _MORE)
        self._data.send(parts[2])

    def _let_go(self) -> None:
        """Send what was gathered so far: what is offered before it has left would be asked for."""
        if self._gathered:
            for parts in self._gathered:
                self._put(parts)
            self._gathered.clear()

    def _note_topics(self) -> None:
        """Take what subscribers subscribe to, and what nobody subscribes to any more."""
        with suppress(zmq.Again):
            for _ in range(_TOPICS_AT_ONCE):
                change = self._data.recv(zmq.DONTWAIT)
                if change[:1] == b"\1":
                    self._topics.add(change[1:])
                elif change[:1] == b"\0":
                    self._topics.discard(change[1:])

    def _wanted(self, topic: bytes) -> bool:
        """Whether anybody subscribed to a topic."""
        return any(topic.startswith(wanted) for wanted in self._topics)

    def _owed_seq(self, stream: str) -> int | None:
        """Give the first sequence number that may not be let go: only a lossless publisher owes any."""
        return None if self._window is None else self._followers.needed_seq(stream)

    def _behind(self, stream: str, ring: Ring) -> int:
        needed = self._followers.needed_seq(stream)
        return 0 if needed is None else ring.next_seq - needed

    def _await_window(self, stream: str, ring: Ring, window: int) -> None:
        if self._may_send(stream, ring, window):
            return
        # Nobody acknowledges what has not left.
        self._let_go()
        start_ns = time.monotonic_ns()
        deadline_ns = start_ns + round(self._stall_timeout_s * 1e9)
        while not self._may_send(stream, ring, window):
            if self._turn(deadline_ns) <= 0 or self._given_up():
                count, acknowledged = self._followers.slowest(stream)
                what = f"{count} of {self._expected} subscribers there, acknowledged up to {acknowledged}"
                waited_s = (time.monotonic_ns() - start_ns) / 1e9
                msg = f"stream {stream!r} waited {waited_s:.3g} s at message {ring.next_seq}: {what}"
                raise StreamStalled(msg)
        self._waited_ns += time.monotonic_ns() - start_ns

    def _may_send(self, stream: str, ring: Ring, window: int) -> bool:
        count, acknowledged = self._followers.slowest(stream)
        return count >= self._expected and (not count or ring.next_seq - acknowledged - 1 < window)

    def _turn(self, deadline_ns: int) -> int:
        """Wait for requests until the deadline or the next heartbeat, answer; give the ns left to the deadline."""
        now_ns = time.monotonic_ns()
        if now_ns >= self._heartbeat_due_ns:
            self._heartbeat(now_ns)
        wait_ns = min(deadline_ns, self._heartbeat_due_ns) - now_ns
        if self._poller.poll(max(0, wait_ns // 1_000_000)):
            self._note_topics()
            self._let_go()
            self._desk.answer()
        now_ns = time.monotonic_ns()
        self._turn_due_ns = now_ns + _TURN_NS
        return deadline_ns - now_ns

    def _heartbeat(self, now_ns: int) -> None:
        self._heartbeat_due_ns = now_ns + self._heartbeat_ns
        for stream, ring in self._rings.items():
            ring.trim(now_ns, self._owed_seq(stream))
        self._let_go()
        for offer in self._desk.offers():
            self._data.send_multipart([control.OFFER, offer])
