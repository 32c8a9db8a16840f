"""The beats of a recording that are not normal, by time (ms since 1970)."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from pathlib import Path

from heartwire.streams.dashboard.line_file import LineFile

_MOST = 65_536
_SAME_MS = 1.0


class Marks:
    """The newest marks of one bed. `take` only takes note; `write` does the work, in a thread.

    Parameters
    ----------
    path
        File in which they outlive this process, a line of JSON for each that was taken; what is there already is taken
        over.
    """

    def __init__(self, path: Path) -> None:
        self._file = LineFile(path, tuple[float, str], 2 * _MOST)
        self._known: deque[tuple[float, str]] = deque(maxlen=_MOST)
        self._waiting: deque[tuple[float, str]] = deque(maxlen=_MOST)
        for mark in self._file.read():
            self._set(*mark)

    def take(self, at_ms: float, label: str) -> None:
        """Take a beat; one at the same time replaces it, and N takes it away."""
        self._set(at_ms, label)
        self._waiting.append((at_ms, label))

    def _set(self, at_ms: float, label: str) -> None:
        known = self._known
        if (at := bisect_left(known, (at_ms - _SAME_MS, ""))) < len(known) and known[at][0] < at_ms + _SAME_MS:
            del known[at]
        if label != "N":
            if len(known) == _MOST:
                known.popleft()
            known.insert(bisect_left(known, (at_ms, label)), (at_ms, label))

    def between(self, from_ms: float, to_ms: float) -> list[tuple[float, str]]:
        """Give those between two times."""
        return [mark for mark in list(self._known) if from_ms <= mark[0] < to_ms]

    def write(self) -> None:
        """Bring what waits to the disk.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        new = list(self._waiting)
        if new:
            self._file.add(new, list(self._known))
            for _ in new:
                self._waiting.popleft()
