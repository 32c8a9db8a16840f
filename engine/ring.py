"""The last messages of one stream, kept for subscribers that missed them."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from heartwire.engine.control import RESEND_BATCH

_BATCH_BYTES = 16 * 1024 * 1024
_OVERHEAD_BYTES = 256
"""What a kept message costs beside its parts."""


class RingLimits(NamedTuple):
    """How much of each stream is kept; whichever limit is reached first holds."""

    age_s: float = 60.0
    messages: int = 65_536
    size_bytes: int = 64 * 1024 * 1024


class Ring:
    """Encoded messages of one stream by sequence number, without holes.

    Parameters
    ----------
    limits
        When old messages are let go.
    """

    def __init__(self, limits: RingLimits) -> None:
        self.next_seq = 0
        self.size_bytes = 0
        self._limits = limits
        self._age_ns = round(limits.age_s * 1e9)
        self._messages: deque[tuple[list[bytes], int, int]] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def oldest_seq(self) -> int:
        """Sequence number of the oldest message kept; `next_seq` where there is none."""
        return self.next_seq - len(self._messages)

    def append(self, parts: list[bytes], sent_ns: int) -> None:
        """Keep the message with sequence number `next_seq`."""
        size = sum(map(len, parts)) + _OVERHEAD_BYTES
        self._messages.append((parts, size, sent_ns))
        self.size_bytes += size
        self.next_seq += 1

    def trim(self, now_ns: int, needed_seq: int | None = None) -> None:
        """Let go of what is past the limits, but of nothing from `needed_seq` on."""
        messages, limits = self._messages, self._limits
        while messages and (
            len(messages) > limits.messages
            or self.size_bytes > limits.size_bytes
            or now_ns - messages[0][2] > self._age_ns
        ):
            if needed_seq is not None and self.oldest_seq >= needed_seq:
                return
            self.size_bytes -= messages.popleft()[1]

    def between(self, first: int, last: int) -> list[list[bytes]]:
        """Give the messages `first` to `last` that are still kept, at most one batch."""
        oldest = self.oldest_seq
        first, last = max(first, oldest), min(last, self.next_seq - 1, first + RESEND_BATCH - 1)
        found: list[list[bytes]] = []
        room = _BATCH_BYTES
        for seq in range(first, last + 1):
            parts, size, _ = self._messages[seq - oldest]
            room -= size
            if room < 0 and found:
                break
            found.append(parts)
        return found

    def load(self, next_seq: int, messages: list[list[bytes]], sent_ns: int) -> None:
        """Fill an empty ring with the `messages` that come just before `next_seq`."""
        self.next_seq = next_seq - len(messages)
        for parts in messages:
            self.append(parts, sent_ns)

    def tail(self, count: int) -> list[list[bytes]]:
        """Give the last messages kept, `count` at most."""
        kept = len(self._messages)
        return [self._messages[n][0] for n in range(max(0, kept - count), kept)]
