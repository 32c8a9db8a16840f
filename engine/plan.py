"""Which process does what in a run: written once to the run folder, read by every process.

Processes of a run: one feeder for all ECG sources and one for each other source, one worker for each kind of
processor (several for many ECG streams), one sink process, one dashboard if configured. All sockets are files in the
run folder.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

import msgspec

from heartwire.engine import registry
from heartwire.engine.config import Config, StreamConfig
from heartwire.engine.messages import EcgChunk, XrayFrame

PLAN_FILE = "plan.json"
SINKS = "sinks"
DASHBOARD = "dashboard"
SUPERVISOR = "supervisor"
_SHARED = "work-ecg"
_STREAMS_OF_WORKER = 64


class Plan(msgspec.Struct, kw_only=True):
    """The processes of a run and the streams of each."""

    run_dir: str
    epoch: int
    """Number of the run: a worker that is restarted goes on under it."""
    config: Config
    feeders: dict[str, list[str]]
    workers: dict[str, list[str]]
    sinks_want_items: bool
    """Whether a sink uses samples or frames, not findings alone."""

    def stream(self, stream_id: str) -> StreamConfig:
        """Give the configuration of a stream."""
        return next(s for s in self.config.stream if s.id == stream_id)

    def data_endpoint(self, process: str) -> str:
        """Where a process publishes."""
        return f"ipc://{self.run_dir}/{process}"

    def feed_endpoint(self, stream_id: str) -> str:
        """Where the items of a stream are published."""
        if connect := self.stream(stream_id).connect:
            return connect
        return self.data_endpoint(next(name for name, ids in self.feeders.items() if stream_id in ids))

    def feeds(self) -> dict[str, list[str]]:
        """Give the streams that each endpoint of items carries."""
        feeds: dict[str, list[str]] = {}
        for stream in self.config.stream:
            feeds.setdefault(self.feed_endpoint(stream.id), []).append(stream.id)
        return feeds

    def report_endpoint(self) -> str:
        """Where the supervisor collects reports."""
        return f"ipc://{self.run_dir}/reports"

    def command_endpoint(self) -> str:
        """Where the supervisor takes commands to the alarms."""
        return f"ipc://{self.run_dir}/commands"

    def swap_endpoint(self) -> str:
        """Where the supervisor takes orders to swap models."""
        return f"ipc://{self.run_dir}/models"

    def journal_path(self) -> Path:
        """Where alarms are kept."""
        return Path(self.config.alarms.journal or Path(self.run_dir) / "alarms.journal")

    def notes_path(self) -> Path:
        """Where the supervisor keeps what processes said when they were ready: JSON, the lines of each by its name."""
        return Path(self.run_dir) / "notes.json"

    def shadow_path(self, stream_id: str, setting: str) -> Path:
        """Where a candidate beside the model of a stream says how they compare."""
        return self._shadows() / f"{self.epoch}-{stream_id.replace('/', '-')}-{setting}.json"

    def shadow_paths(self) -> list[Path]:
        """Where candidates of this run have said so."""
        return sorted(self._shadows().glob(f"{self.epoch}-*.json"))

    def _shadows(self) -> Path:
        return Path(self.run_dir) / "shadows"

    def snapshot_path(self, stream_id: str) -> Path:
        """Where the state of a stream is saved."""
        return Path(self.run_dir) / f"{stream_id.replace('/', '-')}.snapshot"

    def progress_path(self, worker: str) -> Path:
        """Where a worker counts what it has published."""
        return Path(self.run_dir) / f"{worker}.progress"


def make_plan(config: Config, run_dir: Path) -> Plan:
    """Share the streams out to processes.

    Raises
    ------
    ConfigError
        If a sink is unknown or a field of one is wrong.
    """
    feeders: dict[str, list[str]] = {}
    workers: dict[str, list[str]] = {}
    for stream in config.stream:
        if stream.source:
            feeders.setdefault(f"feed-{stream.feeder_name}", []).append(stream.id)
        workers.setdefault(f"work-{stream.worker_name}", []).append(stream.id)
    if not any(stream.worker for stream in config.stream):
        _share(workers, config.engine.workers)
    wanted = {kind for table in config.sink for kind in registry.sink(table).wants}
    return Plan(
        run_dir=str(run_dir),
        epoch=time.time_ns(),
        config=config,
        feeders=feeders,
        workers=workers,
        sinks_want_items=not wanted.isdisjoint((EcgChunk, XrayFrame)),
    )


def _share(workers: dict[str, list[str]], n_wished: int) -> None:
    """Let several workers take the streams of one that has many."""
    streams = workers.get(_SHARED, [])
    n = n_wished or min(len(os.sched_getaffinity(0)), math.ceil(len(streams) / _STREAMS_OF_WORKER))
    if streams and n > 1:
        del workers[_SHARED]
        workers |= {f"{_SHARED}-{k + 1}": shared for k in range(n) if (shared := streams[k::n])}


def write_plan(plan: Plan) -> None:
    """Write the plan into its run folder."""
    (Path(plan.run_dir) / PLAN_FILE).write_bytes(msgspec.json.encode(plan))


def read_plan(run_dir: str) -> Plan:
    """Read the plan of a run folder."""
    return msgspec.json.decode((Path(run_dir) / PLAN_FILE).read_bytes(), type=Plan)
