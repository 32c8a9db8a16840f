"""How a candidate compares with the model at work: what is told at the end, and kept in the run folder meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from heartwire.engine.agreement import Counts, Difference
from heartwire.engine.plan import Plan


class Latency(msgspec.Struct):
    """How long items that brought findings took, ms, from their turn to the decision."""

    n: int
    p50_ms: float
    p99_ms: float | None
    """None where there are too few to tell."""


class ShadowReport(msgspec.Struct, kw_only=True):
    """How a candidate compares with the model at work, as of `at_ms` (ms since 1970)."""

    at_ms: float
    stream: str
    setting: str
    running: str
    candidate: str
    items: int
    dropped: int
    counts: dict[str, Counts]
    differences: list[Difference]
    latency: dict[str, Latency]
    notes: list[str]


def keep(plan: Plan, report: ShadowReport) -> None:
    """Bring a report to where the screens find it.

    Raises
    ------
    OSError
        If it cannot be written.
    """
    path = plan.shadow_path(report.stream, report.setting)
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(msgspec.json.encode(report))
    fresh.replace(path)


def kept(plan: Plan) -> Iterator[ShadowReport]:
    """Give the last report of each candidate of a run."""
    for path in plan.shadow_paths():
        with suppress(OSError, msgspec.DecodeError):
            yield msgspec.json.decode(path.read_bytes(), type=ShadowReport)
