"""Bringing the messages of one stream into order: duplicates dropped, missing ones asked for, what is lost made a gap.

Pure: no sockets, no clock of its own.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from heartwire.engine.control import RESEND_BATCH, Resend, Resent
from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Message, Trace, XrayFrame

_IMPLAUSIBLE_AHEAD = 100_000
"""A sequence number so far past what the publisher says it has used is an error, not the future."""

_RETIRED_EPOCHS = 64
_SUSPICIOUS_REPEATS = 100
"""So many repeated items in a row are no resends: a restarted publisher repeats only findings."""


class Position(NamedTuple):
    """How far a stream has been processed."""

    seq: int  # sequence number of the last message processed
    next_number: int | None = None  # first sample or frame not seen yet, so that a gap right after it can be told
    epoch: int | None = None  # the publisher's run that `seq` belongs to


class Patience(NamedTuple):
    """When a subscriber asks again, and when it gives up."""

    retry_s: float = 0.1
    retries: int = 10
    held_messages: int = 4096
    held_bytes: int = 64 * 1024 * 1024


@dataclass
class Counts:
    """What happened to the messages of a subscriber, over all streams."""

    received: int = 0
    delivered: int = 0
    duplicates: int = 0
    recovered: int = 0
    requests: int = 0
    missing: int = 0
    deferred: int = 0
    restarts: int = 0
    refused: int = 0
    last_refusal: str = ""

    def refuse(self, reason: str) -> None:
        """Count what was not a valid message."""
        self.refused += 1
        self.last_refusal = reason


class StreamOrder:
    """One stream's messages in order.

    Parameters
    ----------
    stream
        Stream id.
    out
        Takes the messages, in order.
    counts
        Shared with the other streams of the subscriber.
    patience
        When to ask again and to give up.
    start
        Begin after this position; what cannot be had from there on counts as missing.
    history
        Without `start`: begin with the oldest message that the publisher still has, rather than with the next one.
    """

    def __init__(
        self,
        stream: str,
        out: list[Message],
        counts: Counts,
        patience: Patience,
        start: Position | None = None,
        history: bool = True,
    ) -> None:
        self.epoch = start.epoch if start else None
        self.next_seq = start.seq + 1 if start else 0
        self._stream = stream
        self._out = out
        self._counts = counts
        self._patience = patience
        self._retry_ns = round(patience.retry_s * 1e9)
        self._joined = start is not None
        self._history = history
        self._next_number = start.next_number if start else None
        self._end_seq = 0
        self._held: dict[int, Message] = {}
        self._held_bytes = 0
        self._retired: deque[int] = deque(maxlen=_RETIRED_EPOCHS)
        self._repeats = 0
        self._asked: Resend | None = None
        self.asked_ns = 0
        self._attempts = 0

    @property
    def waiting(self) -> bool:
        """Whether messages are known to exist that have not come yet."""
        return self.next_seq < self._end_seq

    def take(self, message: Message, epoch: int, resent: bool) -> None:
        """Take a message from the socket."""
        counts = self._counts
        if epoch != self.epoch and not self._enter(epoch):
            counts.duplicates += 1
            return
        seq = message.seq
        if not self._joined and not self._history:
            self.next_seq = seq
        if seq < self.next_seq or seq in self._held:
            counts.duplicates += 1
            if not resent and isinstance(message, EcgChunk | XrayFrame):
                self._watch_repeats()
            return
        self._repeats = 0
        self._end_seq = max(self._end_seq, seq + 1)
        if seq > self.next_seq and not self._hold(message):
            counts.deferred += 1
            return
        counts.recovered += resent
        if seq == self.next_seq:
            self._deliver(message)
            self._release()

    def offer(self, epoch: int, oldest: int, next_seq: int) -> None:
        """Take what the publisher says it has."""
        if epoch != self.epoch and not self._enter(epoch):
            return
        self._end_seq = max(self._end_seq, next_seq)
        if not self._joined:
            if not self._history:
                self.next_seq, self._joined = next_seq, True
            elif self.next_seq < oldest:
                self.next_seq = oldest
                self._release()

    def want(self, now_ns: int, alive: bool) -> Resend | None:
        """Give the request to send now, if any.

        Parameters
        ----------
        now_ns
            Monotonic time.
        alive
            Whether the publisher has been heard of since the last request: only then does a missing answer count.
        """
        if not self.waiting or self.epoch is None:
            self._asked = None
            return None
        if self._asked is not None:
            if now_ns - self.asked_ns < self._retry_ns:
                return None
            if alive:
                self._attempts += 1
            if self._attempts >= self._patience.retries:
                self._lose(self._asked.last + 1)
                if not self.waiting:
                    self._asked = None
                    return None
        last = min(self._first_held() - 1, self.next_seq + RESEND_BATCH - 1)
        self._asked = Resend(stream=self._stream, epoch=self.epoch, first=self.next_seq, last=last)
        self.asked_ns = now_ns
        self._counts.requests += 1
        return self._asked

    def resent(self, answer: Resent) -> None:
        """Take the end of what was sent again."""
        if answer.epoch != self.epoch:
            return
        self._asked = None
        self._forget_implausible(answer.next)
        if self.next_seq < answer.oldest:
            self._lose(answer.oldest)
        elif answer.first <= self.next_seq <= answer.last:
            self._attempts += 1
            if self._attempts >= self._patience.retries:
                self._lose(answer.last + 1)
        else:
            self._attempts = 0

    def give_up(self) -> None:
        """Count what is missing as lost: there is nobody to ask."""
        while self._held:
            self._lose(self._first_held())
        self.next_seq = max(self.next_seq, self._end_seq)

    def _enter(self, epoch: int) -> bool:
        """Begin a new run of the publisher; False for one that is over."""
        if epoch in self._retired:
            return False
        if self.epoch is not None:
            # The publisher started afresh: nothing of its last run can come any more.
            self.give_up()
            self._retired.append(self.epoch)
            self._counts.restarts += 1
            self.next_seq = self._end_seq = self._attempts = 0
            self._next_number = self._asked = None
            self._joined = True
        self.epoch = epoch
        return True

    def _watch_repeats(self) -> None:
        self._repeats += 1
        if self._repeats == _SUSPICIOUS_REPEATS:
            self._counts.refuse(
                f"stream {self._stream!r}: {self._repeats} messages in a row repeat sequence numbers before"
                f" {self.next_seq}: a publisher that starts over must take a new epoch"
            )

    def _first_held(self) -> int:
        return min(self._held) if self._held else self._end_seq

    def _hold(self, message: Message) -> bool:
        size = _size(message)
        if len(self._held) >= self._patience.held_messages or self._held_bytes + size > self._patience.held_bytes:
            return False
        self._held[message.seq] = message
        self._held_bytes += size
        return True

    def _release(self) -> None:
        while message := self._held.pop(self.next_seq, None):
            self._held_bytes -= _size(message)
            self._deliver(message)

    def _lose(self, until: int) -> None:
        """Go on without the messages before `until`."""
        until = min(until, self._first_held())
        if until > self.next_seq:
            if self._joined:
                self._counts.missing += until - self.next_seq
            self.next_seq = until
        self._attempts = 0
        self._release()

    def _forget_implausible(self, next_seq: int) -> None:
        limit = next_seq + _IMPLAUSIBLE_AHEAD
        if self._end_seq > limit:
            for seq in [seq for seq in self._held if seq > limit]:
                self._held_bytes -= _size(self._held.pop(seq))
                self._counts.refuse(f"stream {self._stream!r}: sequence number {seq}, the publisher is at {next_seq}")
            self._end_seq = max(self._held, default=next_seq - 1) + 1

    def _deliver(self, message: Message) -> None:
        self.next_seq = message.seq + 1
        self._joined = True
        match message:
            case EcgChunk():
                first, end = message.first_sample, message.end_sample
            case XrayFrame():
                first, end = message.frame, message.frame + 1
            case Gap():
                first, end = message.first, message.first + message.count
            case EndOfStream():
                first = end = message.offered
            case _:
                self._counts.delivered += 1
                self._out.append(message)
                return
        expected = self._next_number
        if expected is not None and first > expected:
            trace = Trace(received_ns=message.trace.received_ns)
            gap = Gap(stream=self._stream, first=expected, count=first - expected, seq=message.seq - 1, trace=trace)
            self._out.append(gap)
        elif expected is not None and first < expected and not isinstance(message, EndOfStream):
            self._counts.refuse(f"stream {self._stream!r}: number {first} again, already at {expected}")
            return
        self._next_number = end
        self._counts.delivered += 1
        self._out.append(message)


def _size(message: Message) -> int:
    match message:
        case EcgChunk():
            return message.samples.nbytes
        case XrayFrame():
            return message.pixels.nbytes
        case _:
            return 256
