"""The configuration: one TOML file, read into structs; a wrong key or value is refused with its path.

::

    [engine]
    provider = "auto"          # auto, cpu, cuda or tensorrt
    snapshot_s = 2.0           # how often workers save their state

    [[stream]]
    id = "bed-1/ecg"
    source = { kind = "wfdb", record = "data/100", message_ms = 100 }
    paced = true

    [[sink]]
    kind = "wfdb"
    out = "results"

    [alarms]
    journal = "ward.journal"   # where alarms are kept

    [dashboard]
    port = 8080
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Annotated, Any

import msgspec

from heartwire.engine.alarms.inactivation import AlarmTimes
from heartwire.engine.errors import ConfigError
from heartwire.engine.providers import ProviderChoice
from heartwire.engine.slots import MOST_SLOTS

_ENDPOINT = re.compile(r"tcp://[^\s:/]+:(\d{1,5})|tcp://\[[0-9a-fA-F:.%\w]+\]:(\d{1,5})|ipc://.+")
_HIGHEST_PORT = 65534
"""The port after a device's is that of its control socket."""
_LEAST_NICE = -20
_HIGHEST_PRIORITY = 99
_PROCESS = re.compile(r"[A-Za-z0-9._-]{1,32}")
_LONGEST_ID = 128
TOKEN = re.compile(r"[A-Za-z0-9._~-]{16,128}")
TOKEN_LETTERS = "16 to 128 letters, digits, '.', '_', '~', '-'"
_STREAM_ID = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")


class EngineConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the engine runs."""

    provider: ProviderChoice = "auto"
    """Where models run; "auto" leaves it to each kind of processor."""
    threads: int = 0
    """Intra-op threads of each model; 0 leaves it to each kind of processor."""
    workers: int = 0
    """Processes that share the paced ECG streams; 0: one for every 64, but no more than there are cores."""
    pin: bool = False
    """Share the cores out among the workers, each to keep to its own."""
    realtime: int = 0
    """Real-time priority (SCHED_FIFO, 1 to 99) of the workers; needs CAP_SYS_NICE. 0: none."""
    nice: int = 0
    """How far workers and feeders go before other programs: 0 to -20, before all; needs CAP_SYS_NICE."""
    keep_warm: bool = False
    """Work on a copy of the last message while nothing comes, so that caches and clocks stay up."""
    snapshot_s: float = 2.0
    """How often a worker saves the state it restarts from."""
    frame_slots: int = 8
    """Frames of a stream that lie in shared memory at once; 0: all pixels are sent."""
    ring_s: float = 60.0
    """How much of each stream its publisher keeps for resending."""
    stale_after_s: float = 3.0
    """A paced stream that gives nothing for so long is a technical alarm."""
    ready_timeout_s: float = 60.0
    run_dir: str = ""
    """Sockets and snapshots; empty: a fresh temporary folder, removed at the end."""


class StreamConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One live signal: where it comes from, who processes it."""

    id: str
    source: dict[str, Any] = {}
    """`kind` and the fields of that kind of source."""
    connect: str = ""
    """Instead of a source: the ZeroMQ endpoint of a device that speaks the wire format."""
    processor: str = ""
    """Kind of processor; empty: the last part of the id (`ecg`, `xray`)."""
    feeder: str = ""
    """Name of the process that opens the source; empty: one for the sources of all `ecg` processors, else its own."""
    worker: str = ""
    """Name of the worker process; empty: one worker per kind of processor."""
    paced: bool = True
    """At the device's pace, or as fast as it is processed."""
    phase_ms: float = 0.0
    """Paced: how long after the common start the stream begins; devices of their own are not in step."""
    preload: bool = False
    """Read the whole source into memory before the first message is sent."""
    settings: dict[str, Any] = {}
    """Settings of the processor."""
    age_budget_ms: float = 500.0
    """A frame older than this is dropped unprocessed, its overlay withdrawn."""

    @property
    def processor_kind(self) -> str:
        """Kind of processor, explicit or from the id."""
        return self.processor or self.id.rsplit("/", 1)[-1]

    @property
    def feeder_name(self) -> str:
        """Name of the feeder process of this stream; streams that are not paced have one of their own."""
        name = self.feeder or ("ecg" if self.processor_kind == "ecg" else self.id.replace("/", "-"))
        return name if self.paced else f"{name}-unpaced"

    @property
    def worker_name(self) -> str:
        """Name of the worker process that hosts this stream; streams that are not paced have one of their own."""
        return self.worker or (self.processor_kind if self.paced else f"{self.processor_kind}-unpaced")

    @property
    def live(self) -> bool:
        """A patient, or made like one: its alarms outlive a run. A recording begins anew with each."""
        return self.paced or bool(self.connect)

    @property
    def freshest_first(self) -> bool:
        """Frames may be skipped for newer ones; samples, and streams that are not paced, never."""
        return self.paced and self.processor_kind in ("xray", "onnx-frames")


class DashboardConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The web page."""

    host: str = "127.0.0.1"
    port: int = 8080
    token: str = ""
    """Whoever opens the page must have it; empty: none is needed on a loopback address, elsewhere one is made."""
    token_file: str = ""
    """A file that holds the token, instead."""
    history_h: Annotated[float, msgspec.Meta(gt=0, le=168)] = 4.0
    """How much of each bed's recording is kept on the disk, in the run folder."""

    def __post_init__(self) -> None:
        """Refuse a token that is none, and two of them."""
        if self.token and self.token_file:
            msg = "give either `token` or `token_file`"
            raise ValueError(msg)
        if self.token and not TOKEN.fullmatch(self.token):
            msg = f"`token` is none: use {TOKEN_LETTERS}"
            raise ValueError(msg)


class AlarmsConfig(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The alarm system."""

    journal: str = ""
    """The journal's file; empty: beside the configuration file for `heartwire run`, else in the run folder."""
    times: AlarmTimes = AlarmTimes()


class Config(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One run: streams, sinks and the engine's settings."""

    engine: EngineConfig = msgspec.field(default_factory=EngineConfig)
    stream: list[StreamConfig]
    sink: list[dict[str, Any]] = []
    alarms: AlarmsConfig = msgspec.field(default_factory=AlarmsConfig)
    dashboard: DashboardConfig | None = None


def read_config(path: Path) -> Config:
    """Read and check a configuration file.

    Raises
    ------
    ConfigError
        With the path of the wrong key or value and what was expected.
    """
    try:
        config = msgspec.toml.decode(path.read_bytes(), type=Config)
    except FileNotFoundError:
        msg = f"no configuration file {path}"
        raise ConfigError(msg) from None
    except (OSError, UnicodeDecodeError) as error:
        msg = f"cannot read {path}: {error}"
        raise ConfigError(msg) from None
    except msgspec.DecodeError as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from None
    check(config, str(path))
    return config


def check(config: Config, where: str) -> None:
    """Check what the types alone cannot: ids, one way in for each stream, positive times.

    Raises
    ------
    ConfigError
        With the path of the wrong value.
    """

    def refuse(path: str, why: str) -> None:
        msg = f"{where}: {why} - at `$.{path}`"
        raise ConfigError(msg)

    if not config.stream:
        refuse("stream", "there is no [[stream]]: nothing to run")
    seen: set[str] = set()
    for i, stream in enumerate(config.stream):
        at = f"stream[{i}]"
        if len(stream.id) > _LONGEST_ID or not _STREAM_ID.fullmatch(stream.id):
            refuse(f"{at}.id", f"{stream.id!r} is no stream id: use letters, digits, '.', '_', '-' parted by '/'")
        if (stem := stream.id.replace("/", "-")) in seen:
            refuse(f"{at}.id", f"two streams have the id {stream.id!r}, or write files of the same name {stem!r}")
        seen.add(stem)
        if bool(stream.source) == bool(stream.connect):
            refuse(at, "a stream needs either `source` or `connect`")
        if stream.source and "kind" not in stream.source:
            refuse(f"{at}.source", "the key `kind` is missing")
        if stream.connect:
            endpoint = _ENDPOINT.fullmatch(stream.connect)
            if not endpoint or not 0 < int(endpoint[1] or endpoint[2] or 1) <= _HIGHEST_PORT:
                why = f"{stream.connect!r} is no endpoint: use tcp://HOST:PORT, with a port up to {_HIGHEST_PORT}"
                refuse(f"{at}.connect", why)
        if not _PROCESS.fullmatch(stream.worker_name):
            refuse(f"{at}.worker", f"{stream.worker_name!r}: use up to 32 letters, digits, '.', '_', '-'")
        if stream.feeder and not _PROCESS.fullmatch(stream.feeder):
            refuse(f"{at}.feeder", f"{stream.feeder!r}: use up to 32 letters, digits, '.', '_', '-'")
        if not 0 <= stream.phase_ms < math.inf:
            refuse(f"{at}.phase_ms", "must be 0 or more and finite")
        if not 0 < stream.age_budget_ms < math.inf:
            refuse(f"{at}.age_budget_ms", "must be above 0 and finite")
    for i, sink in enumerate(config.sink):
        if "kind" not in sink:
            refuse(f"sink[{i}]", "the key `kind` is missing")
        if sink in config.sink[:i]:
            refuse(f"sink[{i}]", "this sink is there already: the two would write the same files")
    for name in ("snapshot_s", "ring_s", "stale_after_s", "ready_timeout_s"):
        if not 0 < getattr(config.engine, name) < math.inf:
            refuse(f"engine.{name}", "must be above 0 and finite")
    for name, seconds in msgspec.structs.asdict(config.alarms.times).items():
        if not 0 < seconds < math.inf:
            refuse(f"alarms.times.{name}", "must be above 0 and finite")
    if config.dashboard and not 0 <= config.dashboard.port <= _HIGHEST_PORT + 1:
        refuse("dashboard.port", f"must be 0 (any) to {_HIGHEST_PORT + 1}")
    if config.engine.ring_s < config.engine.snapshot_s:
        refuse("engine.ring_s", "must be at least `snapshot_s`: what came after a snapshot must be had again")
    if not 0 <= config.engine.frame_slots <= MOST_SLOTS:
        refuse("engine.frame_slots", f"must be 0 (none) to {MOST_SLOTS}")
    for name in ("threads", "workers"):
        if getattr(config.engine, name) < 0:
            refuse(f"engine.{name}", "must be at least 0")
    if not 0 <= config.engine.realtime <= _HIGHEST_PRIORITY:
        refuse("engine.realtime", f"must be 0 (none) to {_HIGHEST_PRIORITY}")
    if not _LEAST_NICE <= config.engine.nice <= 0:
        refuse("engine.nice", f"must be 0 (as others) to {_LEAST_NICE}")
