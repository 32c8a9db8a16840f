"""The beats of a recording that are not normal, by time (ms since 1970)."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from contextlib import suppress
from pathlib import Path

import msgspec

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
        self._path = path
        self._known: deque[tuple[float, str]] = deque(maxlen=_MOST)
        self._waiting: deque[tuple[float, str]] = deque(maxlen=_MOST)
        self._lines = 2 * _MOST  # the file begins anew with the first that is added
        with suppress(FileNotFoundError), path.open("rb") as file:
            for line in file:
                with suppress(msgspec.DecodeError):  # as one cut off
                    self._set(*msgspec.json.decode(line, type=tuple[float, str]))

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
        new = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if not new:
            return
        if self._lines + len(new) > 2 * _MOST:
            whole = list(self._known)
            fresh = self._path.with_suffix(".new")
            fresh.write_bytes(_lines(whole))
            fresh.replace(self._path)
            self._lines = len(whole)
        else:
            with self._path.open("ab") as file:
                file.write(_lines(new))
            self._lines += len(new)


def _lines(marks: list[tuple[float, str]]) -> bytes:
    return b"".join(msgspec.json.encode(mark) + b"\n" for mark in marks)
