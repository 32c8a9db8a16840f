"""From what was sent and what was seen to figures: latency by stage, jitter, age of information, deadline misses.

Pure: arrays in, figures out. The intended time of a finding is that of the item which held the last sample or frame it
needed, by the load's own log: it does not rest on anything that the pipeline says of itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.load import LoadLog, Phase, array
from heartwire.benchmarks.observer import KINDS, ROW, Notes
from heartwire.benchmarks.result import Age, Figures, Jitter, KindFigures
from heartwire.engine.messages import Trace
from heartwire.engine.trace import END_TO_END, FROM_SENT, PERCENTILES, Latencies, samples_needed

PERCENTILES_SHOWN = (*PERCENTILES, 99.99)
ACKNOWLEDGED = "acknowledged"
_MS = 1e6
_BACKLOG_TIMES, _BACKLOG_MS = 2.0, 10.0
"""Latency that grows by both within a run is told: nothing is lost yet, but the pipeline does not keep up."""
Times: TypeAlias = npt.NDArray[np.int64]


class Seen(NamedTuple):
    """The findings of one kind, in the order in which they were seen; ns."""

    stream: Times
    intended_ns: Times
    sent_ns: Times
    observed_ns: Times
    stamps_ns: Times  # (n, 8), what the pipeline says
    unmatched: int  # findings of samples or frames that were never sent
    early: int = 0  # findings that were seen before what they rest on was sent

    @property
    def latency_ms(self) -> npt.NDArray[np.float64]:
        """End to end."""
        return (self.observed_ns - self.intended_ns) / _MS


def match(notes: Notes, log: LoadLog) -> dict[str, Seen]:
    """Find the item that each finding waited for."""
    rows = np.frombuffer(notes.seen, np.int64).reshape(-1, ROW)
    found = {}
    for number, kind in enumerate(KINDS):
        mine = rows[rows[:, 0] == number]
        if not len(mine):
            continue
        intended, sent = (np.zeros(len(mine), np.int64) for _ in range(2))
        at_end = np.zeros(len(mine), bool)
        for index, stream in enumerate(notes.streams):
            here = mine[:, 1] == index
            if stream in log.streams and here.any():
                intended[here], sent[here], at_end[here] = _times(log, stream, mine[here, 2])
        early = (sent > 0) & (mine[:, 3] < sent)
        known = (sent > 0) & ~at_end & ~early
        rows_known = mine[known]
        found[kind] = Seen(
            stream=rows_known[:, 1],
            intended_ns=intended[known],
            sent_ns=sent[known],
            observed_ns=rows_known[:, 3],
            stamps_ns=rows_known[:, 4:],
            unmatched=int((sent == 0).sum()),
            early=int(early.sum()),
        )
    return found


def _times(log: LoadLog, stream: str, numbers: Times) -> tuple[Times, Times, npt.NDArray[np.bool_]]:
    """Give intended and sent times of the items that hold these numbers (0 past the end), and what not to count.

    A number that was kept back on purpose could be decided on with the next item at the earliest. The last item of an
    ECG is not counted: what is left open is decided when the stream ends, which is no time of any item.
    """
    entry = log.streams[stream]
    sent = array(entry.sent_ns)
    kept = np.flatnonzero(sent)
    if not len(kept):
        return np.zeros_like(numbers), np.zeros_like(numbers), np.zeros(len(numbers), bool)
    at = np.searchsorted(array(entry.ends)[kept], numbers, side="right")
    inside = at < len(kept)
    item = kept[np.minimum(at, len(kept) - 1)]
    last = inside & (at == len(kept) - 1) & (entry.kind == "ecg")
    return np.where(inside, array(entry.intended_ns)[item], 0), np.where(inside, sent[item], 0), last


def kind_figures(seen: Seen, start_ns: int, deadline_ms: float) -> KindFigures:
    """Give the figures of one kind of finding.

    Parameters
    ----------
    seen
        At least one finding.
    start_ns
        Start of the load.
    deadline_ms
        Later findings miss the deadline.
    """
    latencies = Latencies()
    for intended, sent, observed, stamps in zip(
        seen.intended_ns.tolist(),
        seen.sent_ns.tolist(),
        seen.observed_ns.tolist(),
        seen.stamps_ns.tolist(),
        strict=True,
    ):
        # Stamps of another clock say nothing here.
        inner = (stamp if sent <= stamp <= observed else 0 for stamp in stamps[2:])
        latencies.record(Trace(intended, sent, *inner), observed)
    late_ms = seen.latency_ms
    return KindFigures(
        stages=stage_figures(latencies),
        histograms=latencies.encode(),
        jitter=jitter(seen),
        age=age(seen),
        deadline_ms=deadline_ms,
        deadline_misses=int((late_ms > deadline_ms).sum()),
        first_ms=float(late_ms[int(np.argmin(seen.observed_ns))]),
        series=series(seen, start_ns),
        unmatched=seen.unmatched,
    )


def stage_figures(latencies: Latencies) -> dict[str, Figures]:
    """Give the figures of every stage."""
    figures = {}
    for stage in latencies.stages():
        s = latencies.summary(stage, PERCENTILES_SHOWN)
        figures[stage] = Figures(
            n=s.n,
            min_ms=s.min_ms,
            mean_ms=s.mean_ms,
            sd_ms=s.sd_ms,
            max_ms=s.max_ms,
            percentiles_ms={f"p{p.percentile:g}": p.value_ms for p in s.percentiles},
            upper_99_ms={f"p{p.percentile:g}": p.upper_ms for p in s.percentiles},
        )
    return figures


def item_figures(log: LoadLog, phases: Sequence[Phase] = ()) -> dict[str, Figures]:
    """Give the time from sending to acknowledgement in a closed loop, by kind and phase; none in an open one."""
    found: dict[str, Latencies] = {}
    for stream in log.streams.values():
        sent, acked = array(stream.sent_ns), array(stream.acked_ns)
        first = 0
        for phase in phases or (Phase(0.0, len(sent)),):
            part = slice(first, first + phase.items)
            first += phase.items
            name = f"{stream.kind} {phase.name}" if phases else stream.kind
            for took_ns in (acked[part] - sent[part])[acked[part] > 0].tolist():
                found.setdefault(name, Latencies()).record_stage(ACKNOWLEDGED, took_ns)
    return {name: stage_figures(latencies)[ACKNOWLEDGED] for name, latencies in found.items()}


def jitter(seen: Seen) -> Jitter | None:
    """Give the jitter; None for fewer than two findings."""
    late_ms = seen.latency_ms
    if len(late_ms) < 2:
        return None
    low, quarter, three, high = np.quantile(late_ms, (0.01, 0.25, 0.75, 0.99))
    off: list[Times] = []
    periods: list[Times] = []
    for stream in np.unique(seen.stream):
        here = seen.stream == stream
        period = np.diff(seen.intended_ns[here])
        off.append(np.diff(seen.observed_ns[here]) - period)
        periods.append(period)
    all_off, all_periods = np.concatenate(off), np.concatenate(periods)
    return Jitter(
        p99_minus_p1_ms=float(high - low) if len(late_ms) >= samples_needed(99.0) else None,
        iqr_ms=float(three - quarter),
        departure_sd_ms=float(all_off.std()) / _MS if len(all_off) else 0.0,
        period_ms=float(all_periods.mean()) / _MS if len(all_periods) else 0.0,
    )


def age(seen: Seen) -> Age | None:
    """Give mean and peak age of information; None where no stream has two findings.

    The mean is over time (S. Kaul, R. Yates, M. Gruteser, Real-time status: how often should one update?, INFOCOM
    2012), all streams alike.
    """
    area = span = peak = 0.0
    for stream in np.unique(seen.stream):
        here = seen.stream == stream
        order = np.argsort(seen.observed_ns[here], kind="stable")
        at = seen.observed_ns[here][order]
        newest = np.maximum.accumulate(seen.intended_ns[here][order])
        if len(at) < 2:
            continue
        begin, end = (at[:-1] - newest[:-1]) / _MS, (at[1:] - newest[:-1]) / _MS
        area += float(((end - begin) * (begin + end) / 2).sum())
        span += float((end - begin).sum())
        peak = max(peak, float(end.max()))
    return Age(mean_ms=area / span, peak_ms=peak) if span > 0 else None


def series(seen: Seen, start_ns: int) -> list[tuple[int, float, float]]:
    """Give median and worst latency of each second of intended time."""
    seconds = (seen.intended_ns - start_ns) // 1_000_000_000
    late_ms = seen.latency_ms
    order = np.argsort(seconds, kind="stable")
    edges = np.flatnonzero(np.diff(seconds[order])) + 1
    groups = np.split(late_ms[order], edges)
    starts = seconds[order][np.concatenate([[0], edges])].tolist() if len(order) else []
    return [(int(s), float(np.median(g)), float(g.max())) for s, g in zip(starts, groups, strict=False)]


def growth(series: Sequence[tuple[int, float, float]]) -> tuple[float, float] | None:
    """Give the median latency, ms, of the first and the last quarter of a run where it grew as a backlog does."""
    quarter = len(series) // 4
    if quarter < 2:
        return None
    first, last = (float(np.median([p50 for _, p50, _ in part])) for part in (series[:quarter], series[-quarter:]))
    return (first, last) if last > _BACKLOG_TIMES * first and last > first + _BACKLOG_MS else None


def merged(runs: Sequence[Mapping[str, KindFigures]]) -> dict[str, KindFigures]:
    """Merge the histograms of runs that repeat each other; jitter and age are of single runs and left out."""
    pooled = {}
    for kind in dict.fromkeys(kind for run in runs for kind in run):
        mine = [run[kind] for run in runs if kind in run]
        latencies = Latencies()
        for each in mine:
            latencies.merge(each.histograms)
        pooled[kind] = KindFigures(
            stages=stage_figures(latencies),
            histograms=latencies.encode(),
            jitter=mine[0].jitter if len(mine) == 1 else None,
            age=mine[0].age if len(mine) == 1 else None,
            deadline_ms=mine[0].deadline_ms,
            deadline_misses=sum(each.deadline_misses for each in mine),
            first_ms=mine[0].first_ms,
            series=mine[0].series,
            unmatched=sum(each.unmatched for each in mine),
        )
    return pooled


def queue_share(kind: KindFigures) -> float | None:
    """Give the part of the mean end-to-end latency that is spent waiting in the queue; None where it is not told."""
    if "queue" not in kind.stages or END_TO_END not in kind.stages:
        return None
    whole_ms = kind.stages[END_TO_END].mean_ms
    return kind.stages["queue"].mean_ms / whole_ms if whole_ms > 0 and math.isfinite(whole_ms) else None


__all__ = [
    "END_TO_END",
    "FROM_SENT",
    "Seen",
    "age",
    "growth",
    "item_figures",
    "jitter",
    "kind_figures",
    "match",
    "merged",
    "queue_share",
    "series",
    "stage_figures",
]
