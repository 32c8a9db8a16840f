"""The account of one stream: all that was offered was processed, dropped with a cause, is missing or in flight."""

from __future__ import annotations

import msgspec

from heartwire.engine.messages import LedgerReport


class _State(msgspec.Struct):
    offered: int
    processed: int
    dropped: dict[str, int]
    missing: int
    claimed: int | None
    before: int = 0


class Ledger:
    """Counts samples (ECG) or frames (X-ray) of one stream.

    What is offered and not yet processed, dropped or missing is in flight.

    Parameters
    ----------
    stream
        Stream id.
    """

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self._offered = 0
        self._processed = 0
        self._dropped: dict[str, int] = {}
        self._missing = 0
        self._claimed: int | None = None
        self._before = 0

    def begins_at(self, number: int) -> None:
        """Take the first number of a stream that was joined on its way: what came before was not offered here."""
        self._before = number

    def offered(self, count: int) -> None:
        """Count what has arrived."""
        self._offered += count

    def processed(self, count: int) -> None:
        """Count what has been processed."""
        self._processed += count

    def dropped(self, cause: str, count: int) -> None:
        """Count what has arrived and will not be processed."""
        self._dropped[cause] = self._dropped.get(cause, 0) + count

    def missing(self, count: int) -> None:
        """Count what was offered by the source and cannot be had."""
        self._offered += count
        self._missing += count

    def ended(self, offered: int) -> None:
        """Take the source's own count at its end; `discrepancy` compares it with what was counted here."""
        self._claimed = offered - self._before

    @property
    def in_flight(self) -> int:
        """What has arrived and not been decided on; negative only where something was counted twice."""
        return self._offered - self._processed - sum(self._dropped.values()) - self._missing

    @property
    def discrepancy(self) -> int:
        """What cannot be explained: counted twice, or offered by the source's own count and never seen."""
        twice = max(0, -self.in_flight)
        return twice + (0 if self._claimed is None else abs(self._claimed - self._offered))

    def balance(self) -> bool:
        """Whether nothing is unexplained and, once the source has ended, nothing in flight."""
        return not self.discrepancy and (self._claimed is None or not self.in_flight)

    def report(self, final: bool = False) -> LedgerReport:
        """Give the account so far."""
        return LedgerReport(
            stream=self.stream,
            offered=self._offered if self._claimed is None else max(self._claimed, self._offered),
            processed=self._processed,
            dropped=dict(self._dropped),
            missing=self._missing,
            in_flight=self.in_flight,
            final=final,
        )

    def snapshot(self) -> bytes:
        """Give the whole account."""
        return msgspec.msgpack.encode(
            _State(self._offered, self._processed, self._dropped, self._missing, self._claimed, self._before)
        )

    def restore(self, state: bytes) -> None:
        """Take the account of a snapshot."""
        kept = msgspec.msgpack.decode(state, type=_State)
        self._offered, self._processed, self._missing = kept.offered, kept.processed, kept.missing
        self._dropped, self._claimed, self._before = kept.dropped, kept.claimed, kept.before

    def __repr__(self) -> str:
        r = self.report()
        return (
            f"<Ledger: {self.stream}, {r.offered} offered = {r.processed} processed + {sum(r.dropped.values())} dropped"
            f" + {r.missing} missing + {r.in_flight} in flight>"
        )
