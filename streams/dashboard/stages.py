"""How long findings took in each stage of the engine: histograms of the last minute."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from heartwire.engine.messages import Trace
from heartwire.engine.trace import STAGES, durations_ns

_LOWEST_MS = 0.01
_A_DECADE = 12
_DECADES = 6
_BUCKETS = _A_DECADE * _DECADES
EDGES_MS = [round(_LOWEST_MS * 10 ** (n / _A_DECADE), 4) for n in range(_BUCKETS + 1)]
"""Edges of the buckets, 0.01 ms to 10 s; what lies outside counts in the first or last."""
_SLOT_NS = 5_000_000_000
_SLOTS = 12


class StageLatency(msgspec.Struct, kw_only=True):
    """One stage: how many findings passed it, percentiles to a bucket's upper edge, and the counts of all buckets."""

    stage: str
    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    counts: list[int]


class Stages:
    """Histograms of every stage of one kind of finding; the oldest five seconds are forgotten at once."""

    def __init__(self) -> None:
        self._counts = np.zeros((_SLOTS, len(STAGES), _BUCKETS), np.int64)
        self._longest_ms = np.zeros((_SLOTS, len(STAGES)))
        self._slot = 0

    def add(self, trace: Trace, arrived_ns: int) -> None:
        """Take the stamps of a finding and when it arrived."""
        self._turn(arrived_ns)
        at = self._slot % _SLOTS
        for stage, duration_ns in durations_ns(trace, arrived_ns):
            ms = duration_ns / 1e6
            bucket = math.floor(math.log10(max(ms, _LOWEST_MS) / _LOWEST_MS) * _A_DECADE)
            row = STAGES.index(stage)
            self._counts[at, row, min(bucket, _BUCKETS - 1)] += 1
            self._longest_ms[at, row] = max(self._longest_ms[at, row], ms)

    def _turn(self, now_ns: int) -> None:
        """Empty the slots that time has gone past."""
        slot = now_ns // _SLOT_NS
        for passed in range(max(self._slot + 1, slot - _SLOTS + 1), slot + 1):
            self._counts[passed % _SLOTS] = 0
            self._longest_ms[passed % _SLOTS] = 0
        self._slot = max(self._slot, slot)

    def summary(self, now_ns: int) -> list[StageLatency]:
        """Give the stages that something passed in the last minute, in order."""
        self._turn(now_ns)
        rows = self._counts.sum(axis=0)
        longest_ms = self._longest_ms.max(axis=0)
        return [_summary(stage, rows[n], float(longest_ms[n])) for n, stage in enumerate(STAGES) if rows[n].any()]


def _summary(stage: str, counts: np.ndarray[tuple[int], np.dtype[np.int64]], longest_ms: float) -> StageLatency:
    ranks = np.cumsum(counts)
    total = int(ranks[-1])
    p50, p95, p99 = (
        min(EDGES_MS[int(np.searchsorted(ranks, math.ceil(share * total))) + 1], longest_ms)
        for share in (0.5, 0.95, 0.99)
    )
    return StageLatency(
        stage=stage,
        count=total,
        p50_ms=round(p50, 3),
        p95_ms=round(p95, 3),
        p99_ms=round(p99, 3),
        max_ms=round(longest_ms, 3),
        counts=counts.tolist(),
    )
