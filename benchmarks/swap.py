"""Models swapped under a paced load: what that does to latency, memory and the account, all in one run.

The beds are measured for a while without swaps, then the QRS network of all of them is swapped again and again, to a
copy of itself and back. A finding counts as during a swap where its message was due between the order and half a second
after the answer.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from rich.table import Table

from heartwire.benchmarks import swap_observer
from heartwire.benchmarks.environment import environment
from heartwire.engine import swap_desk
from heartwire.engine.config import Config, StreamConfig
from heartwire.engine.errors import HeartwireError
from heartwire.engine.supervisor import Summary, Supervisor
from heartwire.models.catalogue import model_path

_SCRIPT = "sinus 75 for 20s; pvc; sinus 75 for 20s; vt 170 for 10s; sinus 90 for 20s"
_MODEL = "ecg-qrs"
_WORKER = "work-ecg"
_WARM = 20
"""Swaps after which memory is taken as warm."""
_MOST_S = 1.5
"""Longest that a swap is taken to last."""
_SETTLE_S = 3.0
_AFTER_NS = 500_000_000
_LEAST = 662
"""Findings that a 99th percentile needs for its bound (95 %)."""


class Delays(msgspec.Struct):
    """From the intended time of a message to its findings, seen by an independent subscriber."""

    n: int
    p50_ms: float
    p99_ms: float | None
    max_ms: float


class SwapResult(msgspec.Struct, kw_only=True):
    """One run."""

    valid: bool
    invalid_because: list[str]
    environment: dict[str, str]
    beds: int
    swaps: int
    streams_swapped: int
    apart: Delays
    during: Delays
    order_ms: dict[str, float]
    """From an order to its answer: loading and warming beside the work, and the switch."""
    rss_mb: dict[str, float]
    rss_growth_percent: float | None
    """Of the worker, from after the twentieth swap to after the last."""


class _Swaps:
    """Gives the orders, from a thread beside the supervisor."""

    def __init__(self, supervisor: Supervisor, folder: Path, swaps: int, quiet_s: float) -> None:
        self._folder = folder
        self._supervisor = supervisor
        self._swaps = swaps
        self._quiet_s = quiet_s
        self.spans_ns: list[tuple[int, int]] = []
        self.rss_mb: list[float] = []
        self.switched = 0
        self.refused: list[str] = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            models = [str(_copied(self._folder / "candidate")), _MODEL]
            time.sleep(self._quiet_s)
            for number in range(self._swaps):
                begin_ns = time.monotonic_ns()
                answers = swap_desk.swap(self._folder, "all", f"qrs_model={models[number % 2]}")
                self.spans_ns.append((begin_ns, time.monotonic_ns()))
                self.switched += sum(len(answer.changes) for answer in answers)
                self.refused += [why for answer in answers for why in answer.refused]
                self.rss_mb.append(_rss_mb(self._supervisor.process_ids()[_WORKER]))
            time.sleep(1.0)
        except HeartwireError as error:
            self.refused.append(str(error))
        finally:
            self.done.set()


def _copied(folder: Path) -> Path:
    folder.mkdir()
    source = model_path(_MODEL)
    for suffix in (".onnx", ".toml"):
        shutil.copy(source.with_suffix(suffix), folder)
    return folder / source.name


def _rss_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def measure(beds: int, swaps: int, quiet_s: float, progress: Callable[[str], None]) -> SwapResult:
    """Run the load, swap, and observe from another process.

    Parameters
    ----------
    beds
        ECG streams of two leads at 250 Hz, 100 ms messages.
    swaps
        How often the QRS network of all beds is swapped.
    quiet_s
        How long the beds run before the first swap.

    Raises
    ------
    HeartwireError
        If a process of the run failed.
    """
    phases_ms = np.random.default_rng(1).uniform(0.0, 100.0, beds)
    # Longer than it takes: the run ends with the last swap.
    source = {"kind": "simulated-ecg", "script": _SCRIPT, "repeat": True, "seconds": quiet_s + _MOST_S * swaps + 10.0}
    streams = [
        StreamConfig(
            id=f"bed-{n + 1}/ecg", preload=True, phase_ms=float(phases_ms[n]), source={**source, "seed": n + 1}
        )
        for n in range(beds)
    ]
    with tempfile.TemporaryDirectory(prefix="heartwire-swap-") as name:
        folder = Path(name)
        extra = {swap_observer.NAME: swap_observer.MODULE}
        with Supervisor(Config(stream=streams), folder, lambda _: None, extra) as supervisor:
            progress("loading models, warming every shape")
            supervisor.wait_ready(lambda: False)
            orders = _Swaps(supervisor, folder, swaps, quiet_s)
            begin_ns = time.monotonic_ns()
            orders.thread.start()

            def tell(_: Summary) -> None:
                progress(f"{len(orders.spans_ns)} of {swaps} swaps")

            summary = supervisor.run(orders.done.is_set, tell)
            orders.thread.join()
        missing, seen = swap_observer.read(folder)
    reasons = [] if summary.balanced else ["the ledger does not balance"]
    reasons += [f"{fault.process}: {fault.line}" for fault in summary.faults]
    reasons += [f"{process} was restarted" for process in summary.restarts]
    reasons += [f"{s}: {r.missing} missing, {sum(r.dropped.values())} dropped" for s, r in summary.ledgers.items()
                if r.missing or any(r.dropped.values())]  # fmt: skip
    reasons += [f"{missing} findings missing at the observer"] if missing else []
    reasons += [f"refused: {why}" for why in orders.refused]
    due_ns, late_ms = seen[:, 0], (seen[:, 1] - seen[:, 0]) / 1e6
    during = np.zeros(len(seen), bool)
    for first_ns, last_ns in orders.spans_ns:
        during |= (due_ns >= first_ns) & (due_ns <= last_ns + _AFTER_NS)
    apart = ~during & (due_ns > begin_ns + round(_SETTLE_S * 1e9))
    took_ms = [(last_ns - first_ns) / 1e6 for first_ns, last_ns in orders.spans_ns]
    rss = orders.rss_mb
    warm = rss[_WARM - 1] if len(rss) > _WARM else None
    return SwapResult(
        valid=not reasons,
        invalid_because=reasons,
        environment=environment(),
        beds=beds,
        swaps=len(orders.spans_ns),
        streams_swapped=orders.switched,
        apart=_delays(late_ms[apart]),
        during=_delays(late_ms[during]),
        order_ms={"p50": float(np.median(took_ms)), "max": max(took_ms)} if took_ms else {},
        rss_mb={"first": rss[0], **({"after 20": warm} if warm else {}), "last": rss[-1]} if rss else {},
        rss_growth_percent=100.0 * (rss[-1] - warm) / warm if warm else None,
    )


def _delays(late_ms: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Delays:
    if not len(late_ms):
        return Delays(0, 0.0, None, 0.0)
    p50, p99 = (float(p) for p in np.percentile(late_ms, (50, 99)))
    return Delays(len(late_ms), p50, p99 if len(late_ms) >= _LEAST else None, float(late_ms.max()))


def table(result: SwapResult) -> Table:
    """Show a result."""
    title = f"{result.beds} beds, {result.swaps} swaps of the QRS network of all: ms from the intended time"
    shown = Table("findings", "n", "p50", "p99", "max", title=title)
    for name, d in (("without a swap", result.apart), ("during swaps", result.during)):
        p99 = "-" if d.p99_ms is None else f"{d.p99_ms:.2f}"
        shown.add_row(name, str(d.n), f"{d.p50_ms:.2f}", p99, f"{d.max_ms:.2f}")
    shown.caption = ", ".join(
        [
            *(f"order {name} {ms:.0f} ms" for name, ms in result.order_ms.items()),
            *(f"worker {name} {mb:.1f} MB" for name, mb in result.rss_mb.items()),
            *([f"growth {result.rss_growth_percent:.2f} %"] if result.rss_growth_percent is not None else []),
        ]
    )
    return shown
