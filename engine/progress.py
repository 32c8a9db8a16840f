"""How far a process has published each stream, in memory that outlives the process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from heartwire.engine.messages import Message


class Progress:
    """Counts what was published, in a file that is mapped into memory: a write is a store, and survives SIGKILL.

    A worker that starts from a snapshot repeats what it published after it, under the same sequence numbers. Until it
    has come to where it was, nothing new may be put in between: `behind` tells.

    Parameters
    ----------
    path
        The file; made where there is none.
    streams
        The streams, always in the same order.
    """

    def __init__(self, path: Path, streams: Sequence[str]) -> None:
        self._place = {stream: place for place, stream in enumerate(streams)}
        if not path.exists():
            np.zeros(len(streams), np.uint64).tofile(path)
        self._next = np.memmap(path, np.uint64, "r+", shape=(len(streams),))
        self._before = [int(next_seq) for next_seq in self._next]

    def note(self, message: Message) -> None:
        """Take note that a message was published."""
        place = self._place[message.stream]
        if message.seq >= self._next[place]:
            self._next[place] = message.seq + 1

    def reach(self, stream: str, next_seq: int) -> None:
        """Take note that an earlier process had come so far, or was about to publish so much."""
        place = self._place[stream]
        self._before[place] = max(self._before[place], next_seq)

    def behind(self, stream: str, next_seq: int) -> bool:
        """Tell whether an earlier process of this worker had come further than this one has."""
        return next_seq < self._before[self._place[stream]]
