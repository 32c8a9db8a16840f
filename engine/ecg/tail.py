"""The end of a signal, numbered from its beginning: whoever looks back takes a view, and nothing is moved for it."""

from __future__ import annotations

import msgspec
import numpy as np

from heartwire.engine.messages import FloatArray

_ROOM = 512
"""Rows that come before those kept are moved to the front once more."""


class Tail:
    """The last rows of a signal; before its beginning they are zeros.

    Parameters
    ----------
    kept
        How many rows before those of the last `append` can be had.
    n_columns
        Values in a row.
    """

    def __init__(self, kept: int, n_columns: int) -> None:
        self._kept = kept
        self._rows: FloatArray = np.empty((2 * kept + _ROOM, n_columns), np.float32)
        self.reset()

    def reset(self) -> None:
        """Return to the beginning."""
        self.n = 0
        """Rows taken so far."""
        self._end = self._kept
        self._rows[: self._kept] = 0.0

    def append(self, rows: FloatArray, beside: FloatArray | None = None) -> None:
        """Take the next rows, (n_rows, n_columns); or their first columns, and those `beside` them."""
        n_left = rows.shape[1]
        to = self.extend(len(rows))
        to[:, :n_left] = rows
        if beside is not None:
            to[:, n_left:] = beside

    def extend(self, n: int, before: int = 0) -> FloatArray:
        """Take so many rows, which are to be written into what is given, behind so many of those `before` them."""
        end = self._end + n
        if end > len(self._rows):
            end = self._make_room(n)
        self._end = end
        self.n += n
        return self._rows[end - n - before : end]

    def ready(self, most: int) -> tuple[FloatArray, int]:
        """Make room for so many rows more: give all rows, and where among them the next is to be written."""
        if self._end + most > len(self._rows):
            self._end = self._make_room(most) - most
        return self._rows, self._end

    def took(self, n: int) -> None:
        """Take so many rows that were written there."""
        self._end += n
        self.n += n

    def _make_room(self, n: int) -> int:
        """Move what is kept to the front, of a larger array where it must be; give where `n` more rows end."""
        last = self._rows[self._end - self._kept : self._end]
        if self._kept + n > len(self._rows):
            self._rows = np.empty((self._kept + n, self._rows.shape[1]), np.float32)
        self._rows[: self._kept] = last
        return self._kept + n

    def rows(self, first: int, end: int) -> FloatArray:
        """Give the rows from number `first` up to `end` (not included): good until the next `append`."""
        at = self._end - self.n
        return self._rows[first + at : end + at]

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self.n, self.rows(self.n - self._kept, self.n).tobytes()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self.n, rows = msgspec.msgpack.decode(state, type=tuple[int, bytes])
        self._end = self._kept
        self._rows[: self._kept] = np.frombuffer(rows, np.float32).reshape(self._kept, -1)
