"""Latency of the last minute: from the intended time of a message to its arrival at the dashboard."""

from __future__ import annotations

import math
from collections import deque

import msgspec

WINDOW_NS = 60_000_000_000
_MOST = 8192
"""Values kept at most; a stream with more a minute forgets its oldest sooner."""
_HOLDS_NS = 2_000_000_000
"""So long a summary is given again."""


class LatencySummary(msgspec.Struct, kw_only=True):
    """Percentiles of a window of latencies."""

    count: int
    p50_ms: float
    p95_ms: float
    max_ms: float


class LastMinute:
    """The latencies of the last minute of one stream."""

    def __init__(self) -> None:
        self._values: deque[tuple[int, float]] = deque(maxlen=_MOST)
        self._summary: tuple[int, LatencySummary] | None = None

    def add(self, intended_ns: int, arrived_ns: int) -> None:
        """Take the times of a message; one without an intended time (not paced) has no latency."""
        if intended_ns:
            self._values.append((arrived_ns, (arrived_ns - intended_ns) / 1e6))

    def summary(self, now_ns: int) -> LatencySummary | None:
        """Give the percentiles of the minute before `now_ns`, None where nothing was measured."""
        if self._summary and 0 <= now_ns - self._summary[0] < _HOLDS_NS:
            return self._summary[1]
        values = self._values
        while values and values[0][0] < now_ns - WINDOW_NS:
            values.popleft()
        if not values:
            return None
        ordered = sorted(latency_ms for _, latency_ms in values)
        p50, p95 = (ordered[math.ceil(share * len(ordered)) - 1] for share in (0.5, 0.95))
        summary = LatencySummary(
            count=len(ordered), p50_ms=round(p50, 2), p95_ms=round(p95, 2), max_ms=round(ordered[-1], 2)
        )
        self._summary = now_ns, summary
        return summary
