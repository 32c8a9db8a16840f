"""What is to be published, held back until its alarms are in the journal.

The messages of a stream leave in their order, so those after an alarm wait with it; other streams do not. The sequence
number that a message will have is known when it is put here, and written with it: numbers do not depend on the disk.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from heartwire.engine.alarms.journal import Kept, Record
from heartwire.engine.alarms.scribe import Scribe
from heartwire.engine.alarms.strips import Strip
from heartwire.engine.bus import Publisher
from heartwire.engine.messages import AlarmCommand, AlarmEvent, AlarmInactivation, Message
from heartwire.engine.wire import encode

_KEPT = (AlarmEvent, AlarmInactivation, AlarmCommand)
_LOOK_S = 0.001


class Outbox:
    """Publishes messages, alarms after they were written.

    Parameters
    ----------
    publisher
        Sends them.
    scribe
        Writes the alarms.
    sent
        Takes each message that was published.
    """

    def __init__(self, publisher: Publisher, scribe: Scribe, sent: Callable[[Message], None] = lambda _: None) -> None:
        self._publisher = publisher
        self._scribe = scribe
        self._sent = sent
        self._held: dict[str, deque[tuple[Message, int]]] = {}

    @property
    def empty(self) -> bool:
        """Whether nothing is held back."""
        return not self._held

    def holds(self, stream: str) -> bool:
        """Whether messages of a stream are held back."""
        return stream in self._held

    def put(self, message: Message, strip: Strip | None = None) -> int:
        """Take a message to publish; give the number that the scribe has for it, 0 where it does not write it.

        Raises
        ------
        MalformedMessage
            If a subscriber would refuse it; nothing is written or sent.
        StreamStalled
            As `Publisher.send`.
        """
        held = self._held.get(message.stream)
        if held is None and not isinstance(message, _KEPT):
            self._send(message)
            return 0
        message.seq = self.next_seq(message.stream)
        _measure(message)
        encode(message, self._publisher.epoch)
        number = self._write(message, strip) if isinstance(message, _KEPT) else 0
        self._held.setdefault(message.stream, deque()).append((message, number))
        return number

    def _send(self, message: Message) -> None:
        _measure(message)
        self._publisher.send(message)
        self._sent(message)

    def _write(self, message: Kept, strip: Strip | None) -> int:
        return self._scribe.put(Record(self._publisher.epoch, message, strip))

    def next_seq(self, stream: str) -> int:
        """Give the sequence number that the next message put here will have."""
        return self._publisher.next_seq(stream) + len(self._held.get(stream, ()))

    def written(self, number: int) -> bool:
        """Tell whether the scribe is done with a message."""
        return self._scribe.done(number)

    def release(self) -> None:
        """Publish what need not wait any more."""
        for stream in list(self._held):
            held = self._held[stream]
            while held and self.written(held[0][1]):
                # Taken out first: where it cannot be sent it must not stand in the way of the others.
                message, _ = held.popleft()
                self._send(message)
            if not held:
                del self._held[stream]

    def flush(self, timeout_s: float) -> bool:
        """Publish everything, waiting for the journal; False if that took too long."""
        end_s = time.monotonic() + timeout_s
        self.release()
        while self._held and time.monotonic() < end_s:
            time.sleep(_LOOK_S)
            self.release()
        return not self._held


def _measure(message: Message) -> None:
    """Say how long an alarm took until now: it is written so, and sent with what the writing took besides."""
    if isinstance(message, AlarmEvent) and (since_ns := message.trace.intended_ns or message.trace.received_ns):
        message.generation_delay_s = round((time.monotonic_ns() - since_ns) * 1e-9, 6)
