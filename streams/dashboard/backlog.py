"""The last seconds of strips and beats, ready to send: viewers follow it each at their own pace."""

from __future__ import annotations

from collections import deque
from itertools import islice

KEEP_NS = 12_000_000_000
"""A new viewer starts with so much, which fills a strip."""
_MOST = 65_536


class Backlog:
    """A bounded row of numbered records; the oldest are forgotten."""

    def __init__(self) -> None:
        self._records: deque[tuple[int, bytes]] = deque(maxlen=_MOST)
        self.end = 0
        """Number of the record to come."""

    def add(self, now_ns: int, record: bytes) -> None:
        """Add a record and forget what is too old."""
        records = self._records
        records.append((now_ns, record))
        self.end += 1
        while records[0][0] < now_ns - KEEP_NS:
            records.popleft()

    def after(self, number: int | None, now_ns: int, lag_ns: int) -> tuple[list[bytes], int]:
        """Give the records that a viewer lacks, in order, and the number of the one to come.

        Parameters
        ----------
        number
            The one it expects; None: it is new and gets all that is kept.
        now_ns
            Now.
        lag_ns
            What is older than this is skipped, but for who is new.
        """
        records = self._records
        first = self.end - len(records)
        at = first if number is None else max(number, first)
        if number is not None:
            while at < self.end and records[at - first][0] < now_ns - lag_ns:
                at += 1
        return [record for _, record in islice(records, at - first, None)], self.end
