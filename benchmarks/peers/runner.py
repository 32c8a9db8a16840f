"""One run of one peer: its processes, started, released together, observed, and ended."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, TypeAlias

import msgspec

from heartwire.benchmarks.peers import engine_observer, roles
from heartwire.benchmarks.peers.catalogue import Peer
from heartwire.benchmarks.peers.engine_steps import KIND
from heartwire.benchmarks.peers.work import Load, Seen, stream_id
from heartwire.benchmarks.resources import ResourceSampler
from heartwire.engine.config import Config, EngineConfig, StreamConfig
from heartwire.engine.errors import HeartwireError
from heartwire.engine.supervisor import Supervisor

_ENGINE = EngineConfig(ready_timeout_s=60.0)
_AHEAD_S = 1.0
"""From the release to the common start: time to join what a late subscriber would miss."""


class Run(NamedTuple):
    """What one run of a peer gave."""

    seen: Seen
    cpu_s: float | None
    """Processor time of all its processes; None where there are others that belong to it."""


Runner: TypeAlias = Callable[[Peer, Load], Run]
"""Runs a peer once."""


def run(peer: Peer, load: Load, engine: EngineConfig = _ENGINE) -> Run:
    """Run a peer once; `engine` has heartwire's own settings.

    Raises
    ------
    HeartwireError
        If one of its processes failed.
    """
    with tempfile.TemporaryDirectory(prefix="heartwire-peers-") as name:
        folder = Path(name)
        (folder / roles.LOAD_FILE).write_bytes(msgspec.json.encode(load))
        cpu_s = _run_processes(peer, folder) if peer.module else _run_engine(load, folder, engine)
        return Run(roles.read_seen(folder), None if peer.package == "ray" else cpu_s)


def engine_config(load: Load, engine: EngineConfig) -> Config:
    """Configure the engine for the load."""
    fields = msgspec.to_builtins(load)
    streams = [
        StreamConfig(
            id=stream_id(load, n),
            processor=KIND,
            feeder=KIND,
            preload=True,
            phase_ms=phase_ns / 1e6,
            source={"kind": KIND, "load": fields, "number": n},
            settings={"load": fields},
        )
        for n, phase_ns in enumerate(load.phases_ns)
    ]
    return Config(engine=engine, stream=streams)


def _run_engine(load: Load, folder: Path, engine: EngineConfig) -> float:
    observers = {engine_observer.NAME: engine_observer.MODULE}
    with Supervisor(engine_config(load, engine), folder, lambda _: None, observers) as supervisor:
        supervisor.wait_ready(lambda: False)
        begin_s = time.monotonic()
        resources = ResourceSampler(supervisor.process_ids())
        summary = supervisor.run(lambda: False)
        cpu_s = _cpu_s(resources, begin_s)
    if not summary.balanced or summary.faults:
        msg = f"the engine's run is invalid: {summary.faults or 'the ledger does not balance'}"
        raise HeartwireError(msg)
    return cpu_s


def _cpu_s(resources: ResourceSampler, begin_s: float) -> float:
    elapsed_s = time.monotonic() - begin_s
    return sum(use.cpu_percent / 100 * elapsed_s for use in resources.figures().values())


def _run_processes(peer: Peer, folder: Path) -> float:
    with ExitStack() as stack:
        processes = {role: stack.enter_context(_process(peer, role, folder)) for role in peer.roles}
        for process in processes.values():
            stack.callback(process.kill)
        for role, process in processes.items():
            _await("ready", peer, role, process, folder)
        begin_s = time.monotonic()
        resources = ResourceSampler({role: process.pid for role, process in processes.items()})
        start_ns = time.monotonic_ns() + round(_AHEAD_S * 1e9)
        for process in processes.values():
            assert process.stdin is not None
            process.stdin.write(f"{start_ns}\n")
            process.stdin.flush()
        for role in ("source", "observer", "all"):
            if role in processes:
                _await("done", peer, role, processes[role], folder)
        return _cpu_s(resources, begin_s)


def _process(peer: Peer, role: str, folder: Path) -> subprocess.Popen[str]:
    with (folder / f"{role}.err").open("w") as errors:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", f"heartwire.benchmarks.peers.{peer.module}", role, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, **peer.environment},
        )


def _await(word: str, peer: Peer, role: str, process: subprocess.Popen[str], folder: Path) -> None:
    """Read a process's output up to a word; libraries may print around it."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == word:
            return
    tail = (folder / f"{role}.err").read_text().strip().splitlines()[-1:]
    msg = f"{peer.name}: its process {role} ended before it was {word}: {' '.join(tail)}"
    raise HeartwireError(msg)
