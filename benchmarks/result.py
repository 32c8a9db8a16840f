"""What every scenario fills: runs with their figures, the headline, and whether it may be believed."""

from __future__ import annotations

from typing import Any

import msgspec

from heartwire.benchmarks.load import Drive
from heartwire.benchmarks.resources import Range, Use
from heartwire.benchmarks.workload import Workload
from heartwire.engine.messages import LedgerReport


class Figures(msgspec.Struct, kw_only=True):
    """A distribution, ms; percentiles that there are too few samples for are null."""

    n: int
    min_ms: float
    mean_ms: float
    sd_ms: float
    max_ms: float
    percentiles_ms: dict[str, float | None]
    upper_99_ms: dict[str, float | None]
    """One-sided 99 % upper bounds by order statistics."""


class Jitter(msgspec.Struct, kw_only=True):
    """How much the end-to-end latency varies, ms."""

    p99_minus_p1_ms: float | None
    iqr_ms: float
    departure_sd_ms: float
    """Standard deviation of the time from one finding of a stream to its next, less what the schedule has there."""
    period_ms: float
    """What the schedule has there, in the mean."""


class Age(msgspec.Struct, kw_only=True):
    """Age of information at the sink: of the newest finding of a stream there, counted from its intended time, ms."""

    mean_ms: float
    peak_ms: float


class KindFigures(msgspec.Struct, kw_only=True):
    """One kind of finding in a run."""

    stages: dict[str, Figures]
    histograms: dict[str, str]
    """HDR histograms of the stages, base64, to be merged."""
    jitter: Jitter | None
    age: Age | None
    deadline_ms: float
    deadline_misses: int
    first_ms: float
    """Latency of the first finding of all."""
    series: list[tuple[int, float, float]]
    """Of each second from the start: median and worst latency, ms."""
    unmatched: int = 0
    """Findings of samples or frames that were never sent."""


class Run(msgspec.Struct, kw_only=True):
    """One start of the pipeline under one load."""

    label: str
    workload: Workload
    drive: Drive
    invalid_because: list[str]
    remarks: list[str]
    notes: list[str]
    ready_s: float
    lasted_s: float
    kinds: dict[str, KindFigures]
    items: dict[str, Figures]
    """Closed loop: sending to acknowledgement of each item, by kind of stream."""
    kept_back: int
    """Samples and frames that the load did not send, on purpose."""
    ledgers: dict[str, LedgerReport]
    alarms: dict[str, int]
    resources: dict[str, Use]
    gpu: dict[str, Range]
    gc_pauses: dict[str, dict[str, float]]
    restarts: dict[str, int]
    late_sends_ms: float | None
    """p99 of how late the load itself sent what was due."""
    valid: bool = True

    def __post_init__(self) -> None:
        """Judge: a run is valid where nothing speaks against it."""
        self.valid = not self.invalid_because

    @property
    def offered(self) -> int:
        """Samples and frames that the pipeline was offered."""
        return sum(ledger.offered for ledger in self.ledgers.values())


class Point(msgspec.Struct, kw_only=True):
    """One point of a curve."""

    x: float
    figures: dict[str, float | None]
    met: bool
    why: str = ""


class Spread(msgspec.Struct):
    """A headline figure over the repeats."""

    median: float
    lowest: float
    highest: float
    values: list[float]


class Difference(msgspec.Struct, kw_only=True):
    """A headline figure before and now."""

    figure: str
    before: float
    now: float
    ratio: float | None
    apart: bool | None
    """Whether the ranges of the repeats do not overlap; None where either side was run once."""


class Comparison(msgspec.Struct, kw_only=True):
    """An earlier result beside this one."""

    earlier: str
    """Git state of the earlier one."""
    machine: list[str]
    """What differs of machine and software, and would have to be ruled out."""
    workload: list[str]
    """What differs of the load: the two are then not the same measurement."""
    rows: list[Difference]


class Result(msgspec.Struct, kw_only=True):
    """One scenario."""

    scenario: str
    pipeline: str
    options: dict[str, Any]
    measured: dict[str, str] = {}
    """What was run and when: date, command, load."""
    environment: dict[str, str]
    runs: list[Run]
    headline: dict[str, Spread]
    pooled: dict[str, KindFigures]
    """The runs that repeat each other, their histograms merged."""
    curve: list[Point] = []
    curve_label: str = ""
    checks: dict[str, bool] = {}
    """What had to hold in this scenario, and whether it did."""
    remarks: list[str] = []
    comparison: Comparison | None = None
    valid: bool = True
    invalid_because: list[str] = []

    def __post_init__(self) -> None:
        """Judge: a result is valid where nothing speaks against any of its runs and every check held."""
        reasons = [f"{run.label}: {why}" if run.label else why for run in self.runs for why in run.invalid_because]
        reasons += [f"did not hold: {check}" for check, held in self.checks.items() if not held]
        self.invalid_because = reasons
        self.valid = not reasons
