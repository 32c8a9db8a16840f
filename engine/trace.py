"""Latency by stage and end to end, from the stamps that messages gathered: mergeable histograms, honest percentiles.

A percentile is given with its one-sided 99 % upper bound by order statistics, and only where the samples allow it
with one excess (64 samples for p90, 130 for p95, 662 for p99, 6636 for p99.9): else "not enough samples".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from hdrh.histogram import HdrHistogram

from heartwire.engine.messages import Trace

_LOWEST_US = 1
_HIGHEST_US = 3_600_000_000
_DIGITS = 3
_CONFIDENCE_Z = 2.3263478740408408
_EXACT_BELOW = 2000.0
PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)

END_TO_END = "end to end"
FROM_SENT = "from sending"
_STAGES = (
    ("pacing", "sent_ns"),
    ("transport", "received_ns"),
    ("queue", "dequeued_ns"),
    ("conditioning", "conditioned_ns"),
    ("inference", "inferred_ns"),
    ("decision", "decided_ns"),
    ("publishing", "published_ns"),
)
_DELIVERY = "delivery"
STAGES = (*(name for name, _ in _STAGES), _DELIVERY, END_TO_END, FROM_SENT)
"""Every stage in order; each lasts from the stamp before it. `END_TO_END` counts from the intended time."""


class Percentile(NamedTuple):
    """One percentile of a stage."""

    percentile: float  # 50 for the median
    value_ms: float | None  # None: not enough samples
    upper_ms: float | None  # one-sided 99 % upper bound
    needed: int  # samples that it takes

    def __str__(self) -> str:
        if self.value_ms is None or self.upper_ms is None:
            return f"p{self.percentile:g} not enough samples (needs {self.needed})"
        return f"p{self.percentile:g} {self.value_ms:.3f} ms (<= {self.upper_ms:.3f})"


class StageSummary(NamedTuple):
    """The latency of one stage."""

    stage: str
    n: int  # samples
    min_ms: float
    mean_ms: float
    sd_ms: float
    max_ms: float
    percentiles: tuple[Percentile, ...]


@lru_cache(maxsize=1024)
def allowed_excess(n: int, percentile: float) -> int:
    """Give how many of `n` samples may lie above the 99 % upper bound of a percentile; -1 where there is no bound.

    The sample with that many above it exceeds the true percentile with 99 % confidence, whatever the distribution.
    """
    tail = 1 - percentile / 100
    mean = n * tail
    if mean > _EXACT_BELOW:
        return math.floor(mean - _CONFIDENCE_Z * math.sqrt(mean * (1 - tail)) - 0.5)
    # Cumulative binomial probability of k or fewer samples above the percentile.
    probability, k = 0.0, -1
    while k < n:
        log_term = (
            math.lgamma(n + 1)
            - math.lgamma(k + 2)
            - math.lgamma(n - k)
            + (k + 1) * math.log(tail)
            + (n - k - 1) * math.log1p(-tail)
        )
        probability += math.exp(log_term)
        if probability > 0.01:
            break
        k += 1
    return k


@lru_cache(maxsize=64)
def samples_needed(percentile: float) -> int:
    """Give the smallest number of samples that allows a percentile's upper bound with one excess."""
    low, high = 1, 2
    while allowed_excess(high, percentile) < 1:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if allowed_excess(middle, percentile) >= 1 else (middle, high)
    return high


def durations_ns(trace: Trace, observed_ns: int = 0) -> Iterator[tuple[str, int]]:
    """Give how long a message took in each stage that it passed, ns.

    Parameters
    ----------
    trace
        The stamps.
    observed_ns
        When the message was seen, by the same monotonic clock; 0 leaves delivery and the totals out.
    """
    before_ns = trace.intended_ns
    for stage, stamp in _STAGES:
        at_ns = getattr(trace, stamp)
        if at_ns:
            if before_ns:
                yield stage, at_ns - before_ns
            before_ns = at_ns
    if observed_ns:
        if before_ns:
            yield _DELIVERY, observed_ns - before_ns
        if trace.intended_ns:
            yield END_TO_END, observed_ns - trace.intended_ns
        if trace.sent_ns:
            yield FROM_SENT, observed_ns - trace.sent_ns


class Latencies:
    """Histograms of every stage, in µs from 1 µs to one hour with three digits."""

    def __init__(self) -> None:
        self._histograms: dict[str, HdrHistogram] = {}

    def record(self, trace: Trace, observed_ns: int = 0) -> None:
        """Record a message's stages; stamps that are 0 were not passed.

        Parameters
        ----------
        trace
            The stamps.
        observed_ns
            When the message was seen, by the same monotonic clock; 0 leaves delivery and the totals out.
        """
        for stage, duration_ns in durations_ns(trace, observed_ns):
            self.record_stage(stage, duration_ns)

    def record_stage(self, stage: str, duration_ns: int) -> None:
        """Record one duration; negative ones count as 0, those past an hour as an hour."""
        self.histogram(stage).record_value(min(max(round(duration_ns / 1000), 0), _HIGHEST_US))

    def stages(self) -> list[str]:
        """Name the stages that have samples, in order."""
        return sorted(self._histograms, key=lambda name: STAGES.index(name) if name in STAGES else len(STAGES))

    def summary(self, stage: str, percentiles: tuple[float, ...] = PERCENTILES) -> StageSummary:
        """Summarise a stage."""
        counts = np.ctypeslib.as_array(self.histogram(stage).counts)
        used = np.flatnonzero(counts)
        ranks = np.cumsum(counts[used])
        if not len(ranks):
            none = tuple(Percentile(p, None, None, samples_needed(p)) for p in percentiles)
            return StageSummary(stage, 0, math.nan, math.nan, math.nan, math.nan, none)
        n = int(ranks[-1])
        low_ms, high_ms = (values[used] / 1e3 for values in _bucket_values(len(counts)))
        middle_ms = (low_ms + high_ms) / 2
        mean_ms = float(np.average(middle_ms, weights=counts[used]))
        variance = float(np.average((middle_ms - mean_ms) ** 2, weights=counts[used]))
        return StageSummary(
            stage=stage,
            n=n,
            min_ms=float(low_ms[0]),
            mean_ms=mean_ms,
            sd_ms=math.sqrt(variance),
            max_ms=float(high_ms[-1]),
            percentiles=tuple(_percentile(ranks, high_ms, n, p) for p in percentiles),
        )

    def encode(self) -> dict[str, str]:
        """Give every histogram as base64, for `merge` in another process or run."""
        return {stage: histogram.encode().decode("ascii") for stage, histogram in self._histograms.items()}

    def merge(self, encoded: Mapping[str, str]) -> None:
        """Add the histograms that `encode` gave."""
        for stage, blob in encoded.items():
            self.histogram(stage).add(HdrHistogram.decode(blob))

    def histogram(self, stage: str) -> HdrHistogram:
        """Give the histogram of a stage, µs."""
        histogram = self._histograms.get(stage)
        if histogram is None:
            histogram = self._histograms[stage] = HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)
        return histogram


def _percentile(ranks: npt.NDArray[np.int64], values_ms: npt.NDArray[np.float64], n: int, p: float) -> Percentile:
    excess = allowed_excess(n, p)
    needed = samples_needed(p)
    if excess < 1:
        return Percentile(p, None, None, needed)
    wanted = max(1, int(p * n / 100 + 0.5)), n - excess
    value_ms, upper_ms = values_ms[np.searchsorted(ranks, wanted)].tolist()
    return Percentile(p, value_ms, max(value_ms, upper_ms), needed)


@lru_cache(maxsize=4)
def _bucket_values(length: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give the lowest and highest value, in µs, that each counter of a histogram of this length stands for.

    Walking the counters one by one, as the hdrhistogram package does, is too slow to do while a run goes on.
    """
    histogram = HdrHistogram(_LOWEST_US, _HIGHEST_US, _DIGITS)
    low = np.array([histogram.get_value_from_index(n) for n in range(length + 1)], np.int64)
    return low[:-1], low[1:] - 1
