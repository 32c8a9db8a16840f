"""Latency at clinical cadence: paced, open loop, from the intended time of each message, seen by another process.

The load is read into memory before the first message is sent, so that making it does not compete with the engine. A
percentile that the run is too short for is not given. A run whose ledger does not balance, or in which something went
missing, is invalid.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from heartwire.benchmarks.environment import environment
from heartwire.benchmarks.resources import ResourceSampler
from heartwire.engine import observer
from heartwire.engine.config import Config, EngineConfig, StreamConfig
from heartwire.engine.messages import LedgerReport
from heartwire.engine.supervisor import Supervisor
from heartwire.engine.trace import END_TO_END, FROM_SENT

_SCRIPT = "sinus 75 for 20s; pvc; sinus 75 for 20s; vt 170 for 10s; sinus 90 for 20s"
_SCENE = 1_000_007
"""A scene that no network was trained on."""
_FRAME_PX = 512
_FRAME_HZ = 15.0


class Workload(msgspec.Struct, kw_only=True):
    """What the engine is given."""

    beds: int = 8
    labs: int = 1
    seconds: float = 120.0
    rate_hz: float = 250.0
    leads: int = 2
    message_ms: float = 100.0
    frame_px: int = _FRAME_PX
    frame_hz: float = _FRAME_HZ
    in_step: bool = False
    """All beds send at the same instant, the worst case; else each device has a phase of its own."""
    seed: int = 1
    provider: str = "auto"


class Figures(msgspec.Struct, kw_only=True):
    """One stage of one kind of finding, ms; percentiles that the run is too short for are null."""

    n: int
    min_ms: float
    mean_ms: float
    sd_ms: float
    max_ms: float
    percentiles_ms: dict[str, float | None]
    upper_99_ms: dict[str, float | None]


class Result(msgspec.Struct, kw_only=True):
    """One run of the benchmark."""

    scenario: str
    valid: bool
    invalid_because: list[str]
    environment: dict[str, str]
    workload: Workload
    providers: list[str]
    ready_s: float
    stages: dict[str, dict[str, Figures]]
    histograms: dict[str, dict[str, str]]
    worst_ms: dict[str, dict[int, float]]
    ledgers: dict[str, LedgerReport]
    resources: dict[str, dict[str, float]]


def paced_config(load: Workload) -> Config:
    """Configure simulated beds and labs at the device's pace."""
    ecg = {"script": _SCRIPT, "rate_hz": load.rate_hz, "leads": load.leads, "message_ms": load.message_ms}
    phases_ms = np.random.default_rng(load.seed).uniform(0.0, 0.0 if load.in_step else load.message_ms, load.beds)
    streams = [
        StreamConfig(
            id=f"bed-{n + 1}/ecg",
            preload=True,
            phase_ms=float(phases_ms[n]),
            source={"kind": "simulated-ecg", **ecg, "seed": load.seed + n, "seconds": load.seconds},
        )
        for n in range(load.beds)
    ]
    xray = {"script": _SCRIPT, "rate_hz": load.frame_hz, "size_px": load.frame_px}
    streams += [
        StreamConfig(
            id=f"lab-{n + 1}/xray",
            preload=True,
            source={
                "kind": "simulated-xray",
                **xray,
                "seed": load.seed + n,
                "scene": _SCENE + n,
                "seconds": load.seconds,
            },
        )
        for n in range(load.labs)
    ]
    engine = EngineConfig(provider=load.provider, ready_timeout_s=600.0)  # type: ignore[arg-type]
    return Config(engine=engine, stream=streams)


def measure(load: Workload, say: Callable[[str], None], progress: Callable[[str], None]) -> Result:
    """Run the load through a whole engine and observe it from another process.

    Raises
    ------
    HeartwireError
        If a process of the run failed.
    """
    notes: list[str] = []
    with tempfile.TemporaryDirectory(prefix="heartwire-bench-") as name:
        folder = Path(name)
        described = environment()
        config = paced_config(load)
        progress("making the load, loading models, warming every shape")
        with Supervisor(config, folder, notes.append, {observer.NAME: observer.MODULE}) as supervisor:
            ready_s = supervisor.wait_ready(lambda: False)
            resources = ResourceSampler(supervisor.process_ids())
            progress(f"measuring {load.seconds:g} s")
            summary = supervisor.run(lambda: False)
            used = resources.figures()
        measured = observer.read(folder)
    for note in notes:
        say(note)
    reasons = [] if summary.balanced else ["the ledger does not balance"]
    reasons += [f"{fault.process}: {fault.line}" for fault in summary.faults]
    reasons += [f"{name} was restarted" for name in summary.restarts]
    reasons += [f"{s}: {r.missing} missing" for s, r in summary.ledgers.items() if r.missing]
    reasons += [f"{measured.missing} findings missing at the observer"] if measured.missing else []
    return Result(
        scenario="paced",
        valid=not reasons,
        invalid_because=reasons,
        environment=described,
        workload=load,
        providers=[n for n in notes if "runs on" in n],
        ready_s=ready_s,
        stages={kind: _figures(measured, kind) for kind in measured.latencies},
        histograms=measured.latencies,
        worst_ms=measured.worst_ms,
        ledgers=summary.ledgers,
        resources=used,
    )


def _figures(measured: observer.Measured, kind: str) -> dict[str, Figures]:
    latencies = measured.of(kind)
    figures = {}
    for stage in latencies.stages():
        s = latencies.summary(stage)
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


__all__ = ["END_TO_END", "FROM_SENT", "Figures", "Result", "Workload", "measure", "paced_config"]
