"""Bounded queues, each with its policy in its name: nothing is lost without a count and a cause."""

from __future__ import annotations

from collections import deque
from typing import Generic, NamedTuple, TypeVar

from heartwire.engine.messages import XrayFrame

Item = TypeVar("Item")
"""What a queue holds."""

SUPERSEDED = "superseded"
STALE = "stale"
OVERWRITTEN = "overwritten"
"""In shared memory, before its reader was done."""


class QueueStatistics(NamedTuple):
    """The state of a queue."""

    waiting: int  # items in the queue now
    capacity: int  # most items it holds
    most: int  # most items it has held
    taken: int  # items given out
    dropped: dict[str, int]  # items let go, by cause


class LosslessQueue(Generic[Item]):
    """First in, first out, never drops: a full queue tells its feeder to stop reading.

    The publisher's ring and window hold what is not read meanwhile.

    Parameters
    ----------
    capacity
        Items at which the queue is `full`. What the feeder had already read still fits.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._items: deque[Item] = deque()
        self._most = self._taken = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        """Whether the feeder must stop reading."""
        return len(self._items) >= self.capacity

    @property
    def head(self) -> Item | None:
        """The oldest item, left where it is; None if the queue is empty."""
        return self._items[0] if self._items else None

    def put(self, item: Item) -> None:
        """Add an item."""
        self._items.append(item)
        self._most = max(self._most, len(self._items))

    def take(self) -> Item | None:
        """Give the oldest item; None if the queue is empty."""
        if not self._items:
            return None
        self._taken += 1
        return self._items.popleft()

    def statistics(self) -> QueueStatistics:
        """Give the counts so far."""
        return QueueStatistics(len(self._items), self.capacity, self._most, self._taken, {})


class FreshestQueue:
    """Keeps the newest frames: the oldest go when it is full, and those past the age budget when they are taken.

    Parameters
    ----------
    age_budget_ms
        A frame older than this, counted from its capture, is not worth processing.
    capacity
        Most frames that wait.
    """

    def __init__(self, age_budget_ms: float, capacity: int = 1) -> None:
        self.capacity = capacity
        self._age_budget_ns = round(age_budget_ms * 1e6)
        self._frames: deque[XrayFrame] = deque()
        self._most = self._taken = 0
        self._dropped = {SUPERSEDED: 0, STALE: 0}

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: XrayFrame) -> list[tuple[XrayFrame, str]]:
        """Add a frame; give what had to go for it, each with its cause."""
        self._frames.append(frame)
        gone: list[tuple[XrayFrame, str]] = []
        while len(self._frames) > self.capacity:
            gone.append(self._drop(SUPERSEDED))
        self._most = max(self._most, len(self._frames))
        return gone

    def take(self, now_ns: int) -> tuple[XrayFrame | None, list[tuple[XrayFrame, str]]]:
        """Give the oldest frame within the age budget (None if there is none), and the stale ones before it.

        Parameters
        ----------
        now_ns
            Monotonic time. A frame without a capture time is never stale.
        """
        gone: list[tuple[XrayFrame, str]] = []
        while self._frames:
            captured_ns = self._frames[0].captured_ns
            if captured_ns and now_ns - captured_ns > self._age_budget_ns:
                gone.append(self._drop(STALE))
                continue
            self._taken += 1
            return self._frames.popleft(), gone
        return None, gone

    def _drop(self, cause: str) -> tuple[XrayFrame, str]:
        self._dropped[cause] += 1
        return self._frames.popleft(), cause

    def statistics(self) -> QueueStatistics:
        """Give the counts so far."""
        return QueueStatistics(len(self._frames), self.capacity, self._most, self._taken, dict(self._dropped))
