"""Interleaved runs of all peers at the same work, and heartwire's latency as a ratio to each of theirs.

Open loop: latency counts from the time a message was due. What is due in the first second warms up and does not count.
Each repeat gives one ratio; the median of them is told with the smallest and the largest.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.peers import runner
from heartwire.benchmarks.peers.catalogue import OURS, Case, Peer
from heartwire.benchmarks.peers.work import Load
from heartwire.engine.errors import HeartwireError
from heartwire.engine.trace import END_TO_END, Latencies, samples_needed

WARM_UP_S = 1.0
PERCENTILES = (50.0, 99.0)


class Ratio(msgspec.Struct):
    """heartwire over a peer, by repeat: below 1 heartwire is faster."""

    median: float
    lowest: float
    highest: float


class PeerResult(msgspec.Struct, kw_only=True):
    """One peer over all repeats; ms from the time a message was due.

    `ratios` are heartwire's to its, by percentile, of complete repeats. Nothing of it counts where it failed.
    """

    version: str
    what: str
    n: int = 0
    missing: int = 0
    percentiles_ms: dict[str, float | None] = {}
    upper_99_ms: dict[str, float | None] = {}
    max_ms: float = 0.0
    by_repeat_ms: dict[str, list[float]] = {}
    cpu_us: float | None = None
    """Processor time of all its processes for a message, µs."""
    ratios: dict[str, Ratio] = {}
    histogram: str = ""
    failed: str = ""


class Result(msgspec.Struct, kw_only=True):
    """One case: all peers at one load."""

    case: Case
    load: Load
    repeats: int
    environment: dict[str, str]
    peers: dict[str, PeerResult]
    absent: dict[str, str]
    """What is not installed, and how it would be; it counts neither way."""


class _Account:
    """What came of one peer so far."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.latencies = Latencies()
        self.missing = 0
        self.percentiles_ms: dict[float, list[float]] = {p: [] for p in PERCENTILES}
        self.cpu_us: list[float] = []
        self.failed = ""

    def take(self, load: Load, run: runner.Run) -> None:
        latencies_ns = warm(load, run)
        wanted = sum(due_ns >= WARM_UP_S * 1e9 for due_ns, _, _ in load.due())
        self.missing += wanted - len(latencies_ns)
        for latency_ns in latencies_ns.tolist():
            self.latencies.record_stage(END_TO_END, latency_ns)
        for percentile, values in self.percentiles_ms.items():
            values.append(float(np.percentile(latencies_ns, percentile)) / 1e6 if len(latencies_ns) else float("nan"))
        if run.cpu_s is not None:
            self.cpu_us.append(run.cpu_s * 1e6 / (load.streams * load.messages))

    def result(self, ours: _Account) -> PeerResult:
        if self.failed:
            return PeerResult(version=self.peer.version, what=self.peer.what, failed=self.failed)
        summary = self.latencies.summary(END_TO_END, PERCENTILES)
        return PeerResult(
            version=self.peer.version,
            what=self.peer.what,
            n=summary.n,
            missing=self.missing,
            percentiles_ms={f"p{p.percentile:g}": p.value_ms for p in summary.percentiles},
            upper_99_ms={f"p{p.percentile:g}": p.upper_ms for p in summary.percentiles},
            max_ms=summary.max_ms,
            by_repeat_ms={f"p{p:g}": values for p, values in self.percentiles_ms.items()},
            cpu_us=statistics.median(self.cpu_us) if self.cpu_us else None,
            ratios={} if ours.failed or self is ours else {
                f"p{p:g}": ratio(ours.percentiles_ms[p], self.percentiles_ms[p])
                for p in PERCENTILES
                if min(ours.latencies.summary(END_TO_END).n, summary.n) >= samples_needed(p)
            },
            histogram=self.latencies.encode().get(END_TO_END, ""),
        )  # fmt: skip


def warm(load: Load, run: runner.Run) -> npt.NDArray[np.int64]:
    """Give the latencies, ns, of what was due after the warm-up; each message once."""
    due_ns = np.array([load.intended_ns(s, n) for s, n in zip(run.seen.stream, run.seen.n, strict=True)], np.int64)
    _, first = np.unique(np.stack((run.seen.stream, run.seen.n)), axis=1, return_index=True)
    kept = np.sort(first)
    kept = kept[due_ns[kept] >= WARM_UP_S * 1e9] if len(kept) else kept
    return np.asarray((run.seen.observed_ns - run.seen.intended_ns)[kept], np.int64)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Compare repeat by repeat."""
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios))


def measure(
    case: Case,
    load: Load,
    peers: Sequence[Peer],
    repeats: int,
    progress: Callable[[str], None],
    run: runner.Runner = runner.run,
) -> Result:
    """Run every installed peer `repeats` times, in turn; each repeat begins with another one.

    A peer that fails is out with the reason. One that loses messages is shown with what it lost.
    """
    here = [peer for peer in peers if peer.installed]
    accounts = {peer.name: _Account(peer) for peer in here}
    described = environment()
    for repeat in range(repeats):
        for n in range(len(here)):
            account = accounts[here[(n + repeat) % len(here)].name]
            if account.failed:
                continue
            progress(f"{case}: {account.peer.name}, run {repeat + 1} of {repeats}")
            try:
                account.take(load, run(account.peer, load))
            except HeartwireError as error:
                account.failed = str(error)
    return Result(
        case=case,
        load=load,
        repeats=repeats,
        environment=described,
        peers={name: account.result(accounts[OURS]) for name, account in accounts.items()},
        absent={peer.name: peer.install for peer in peers if not peer.installed},
    )
