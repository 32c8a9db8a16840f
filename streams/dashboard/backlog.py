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

    def since(self, number: int) -> list[bytes]:
        """Give the records from `number` on that are still kept, in order."""
        count = min(self.end - number, len(self._records))
        return [record for _, record in islice(self._records, len(self._records) - count, None)]

    def skip(self, number: int, now_ns: int, lag_ns: int) -> int:
        """Give `number`, or the first record of the last `lag_ns` where `number` lies farther back."""
        records = self._records
        first = self.end - len(records)
        at = max(number, first)
        if at >= self.end or records[at - first][0] >= now_ns - lag_ns:
            return at
        while at < self.end and records[at - first][0] < now_ns - lag_ns:
            at += 1
        return at
