"""What the dashboard knows about one stream, whatever its kind."""

from __future__ import annotations

from collections import deque

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import Gap, LedgerReport
from heartwire.streams.dashboard.latency import LastMinute
from heartwire.streams.dashboard.status import Account, StreamState, StreamStatus

SILENT_NS = 2_000_000_000
_RATE_NS = 5_000_000_000


class StreamView:
    """State, rate, latency and account of one stream.

    Parameters
    ----------
    number
        Number of the stream in the status document, and in records.
    config
        Its configuration.
    """

    kind = "other"

    def __init__(self, number: int, config: StreamConfig) -> None:
        self.number = number
        self.id = config.id
        self.latency = LastMinute()
        self.ledger: LedgerReport | None = None
        self.ended = False
        self._age_budget_ms = config.age_budget_ms
        self._arrivals: deque[int] = deque(maxlen=512)
        self._last_ns = 0
        self._gaps = 0
        self._gap_ns = 0

    def arrived(self, arrived_ns: int) -> None:
        """Count an item."""
        self.ended = False
        self._arrivals.append(arrived_ns)
        self._last_ns = arrived_ns

    def gap(self, gap: Gap, arrived_ns: int) -> None:
        """Count a hole in the stream."""
        if gap.count:
            self._gaps += 1
            self._gap_ns = arrived_ns

    def status(self, now_ns: int) -> StreamStatus:
        """Give what is known now."""
        return StreamStatus(
            id=self.id,
            kind=self.kind,
            state=self._state(now_ns),
            silent_s=round((now_ns - self._last_ns) / 1e9, 2) if self._last_ns else None,
            messages_hz=self._messages_hz(now_ns),
            gaps=self._gaps,
            gap_s=round((now_ns - self._gap_ns) / 1e9, 1) if self._gap_ns else None,
            age_budget_ms=self._age_budget_ms,
            ledger=Account.of(self.ledger) if self.ledger else None,
            latency=self.latency.summary(now_ns),
        )

    def _state(self, now_ns: int) -> StreamState:
        if self.ended:
            return "ended"
        if not self._last_ns:
            return "waiting"
        return "live" if now_ns - self._last_ns < SILENT_NS else "silent"

    def _messages_hz(self, now_ns: int) -> float:
        arrivals = self._arrivals
        while arrivals and arrivals[0] < now_ns - _RATE_NS:
            arrivals.popleft()
        if len(arrivals) < 2:
            return 0.0
        return round((len(arrivals) - 1) / max(arrivals[-1] - arrivals[0], 1) * 1e9, 2)
