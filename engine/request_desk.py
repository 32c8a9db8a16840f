"""Answering subscribers: what there is, what they missed, and taking note of what they have."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress

import zmq

from heartwire.engine import control
from heartwire.engine.control import Acknowledge, Goodbye, Hello, Offer, Resend, Resent
from heartwire.engine.errors import MalformedMessage
from heartwire.engine.followers import Followers
from heartwire.engine.ring import Ring
from heartwire.engine.slots import SlotWriter

_OFFER_STREAMS = 512
_REQUESTS_AT_ONCE = 256


class RequestDesk:
    """Answers the requests that come to a publisher's control socket.

    Parameters
    ----------
    socket
        The control socket, a ROUTER.
    rings, slots
        What the publisher keeps of each stream, and its frames in shared memory; looked at, never changed.
    epoch
        Number of the publisher's run.
    waits
        Whether the publisher waits for acknowledgements.
    """

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        rings: Mapping[str, Ring],
        slots: Mapping[str, SlotWriter],
        *,
        epoch: int,
        waits: bool,
    ) -> None:
        self.epoch = epoch
        self.waits = waits
        self.followers = Followers()
        self.resent = self.refused = 0
        self.last_refusal = ""
        self._socket = socket
        self._rings = rings
        self._slots = slots
        self._instance = secrets.randbits(62)

    def offers(self) -> list[bytes]:
        """Say what there is of every stream."""
        streams = [(name, (ring.oldest_seq, ring.next_seq)) for name, ring in self._rings.items()]
        return [
            control.encode(
                Offer(
                    epoch=self.epoch,
                    instance=self._instance,
                    streams=dict(streams[n : n + _OFFER_STREAMS]),
                    waits=self.waits,
                    segments={
                        name: slots.segment
                        for name, _ in streams[n : n + _OFFER_STREAMS]
                        if (slots := self._slots.get(name))
                    },
                )
            )
            for n in range(0, max(1, len(streams)), _OFFER_STREAMS)
        ]

    def answer(self) -> None:
        """Answer the requests that wait."""
        with suppress(zmq.Again):
            for _ in range(_REQUESTS_AT_ONCE):
                parts = self._socket.recv_multipart(zmq.DONTWAIT)
                try:
                    if len(parts) != 2:
                        msg = f"request of {len(parts) - 1} parts: expected 1"
                        raise MalformedMessage(msg)
                    self._answer(parts[0], control.decode_request(parts[1]))
                except MalformedMessage as error:
                    self.refused += 1
                    self.last_refusal = str(error)

    def _answer(self, identity: bytes, request: control.Request) -> None:
        match request:
            case Hello():
                if request.registered:
                    self.followers.register(identity, request)
                for offer in self.offers():
                    self._reply([identity, control.OFFER, offer])
            case Resend():
                self._resend(identity, request)
            case Acknowledge():
                known = {stream: seq for stream, seq in request.seqs.items() if stream in self._rings}
                self.followers.acknowledge(identity, known)
            case Goodbye():
                self.followers.leave(identity)

    def _resend(self, identity: bytes, request: Resend) -> None:
        ring = self._rings.get(request.stream)
        if ring is None or request.epoch != self.epoch:
            return
        found = ring.between(request.first, request.last)
        for parts in found:
            self._reply([identity, *parts])
        self.resent += len(found)
        oldest = ring.oldest_seq
        resent = Resent(
            stream=request.stream,
            epoch=self.epoch,
            first=request.first,
            last=max(request.first, oldest) + len(found) - 1 if found else request.last,
            oldest=oldest,
            next=ring.next_seq,
        )
        self._reply([identity, control.RESENT, control.encode(resent)])

    def _reply(self, parts: list[bytes]) -> None:
        # A subscriber that does not read its replies asks again; it never holds up the publisher.
        with suppress(zmq.Again, zmq.ZMQError):
            self._socket.send_multipart(parts, zmq.DONTWAIT)
