"""Who is compared: each peer, what it is installed by, and what it can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Literal

from heartwire.benchmarks.peers.timeflux_graph import RATE
from heartwire.version import __version__

Case = Literal["hand-on", "filter", "three-steps"]
OURS = "heartwire"
_TIMEFLUX = (
    "pip install --no-deps timeflux==0.17.2 && pip install 'networkx>=3' pandas PyYAML jsonschema Jinja2 colorama"
    " coloredlogs python-dotenv"
)
_EXTRA = "pip install 'heartwire[peers]'"
_FULL_ROLES = ("observer", "step", "source")


@dataclass(frozen=True)
class Peer:
    """One peer.

    `module` is the file here that runs it, in one process for each of `roles`; none: the engine's own processes.
    `frames` says whether it can carry frames at all.
    """

    name: str
    package: str
    imports: str
    module: str
    cases: frozenset[Case]
    roles: tuple[str, ...]
    frames: bool
    install: str = ""
    what: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether its package is there."""
        return find_spec(self.imports) is not None

    @property
    def version(self) -> str:
        """Name and version of its package."""
        if self.package == OURS:
            return f"{OURS} {__version__}"
        try:
            return f"{self.package} {version(self.package)}"
        except PackageNotFoundError:
            return f"{self.package}, not installed"


_BOTH: frozenset[Case] = frozenset({"hand-on", "filter"})
_STEPS: frozenset[Case] = frozenset({"three-steps"})
PEERS = (
    Peer(OURS, OURS, OURS, "", _BOTH, (), True, what="feeder, worker, observer"),
    Peer("pyzmq loop", "pyzmq", "zmq", "zeromq", _BOTH, _FULL_ROLES, True, what="PUB/SUB, ipc; nothing else"),
    Peer("LSL", "pylsl", "pylsl", "lsl", _BOTH, _FULL_ROLES, False, _EXTRA, "an outlet and an inlet a stream"),
    Peer(
        "Timeflux, 1 kHz", "timeflux", "timeflux", "timeflux_graph", _BOTH, _FULL_ROLES, False, _TIMEFLUX,
        "graph at 1,000 turns a second", {RATE: "1000"},
    ),
    Peer(
        "Timeflux, spinning", "timeflux", "timeflux", "timeflux_graph", _BOTH, _FULL_ROLES, False, _TIMEFLUX,
        "graph that never sleeps: a whole core", {RATE: "0"},
    ),
    Peer("Ray actors", "ray", "ray", "ray_actors", frozenset({"hand-on"}), ("all",), True, _EXTRA, "three actors"),
    Peer(OURS, OURS, OURS, "engine_in_process", _STEPS, ("all",), True, what="queue, host, account, chain of three"),
    Peer(
        "Holoscan", "holoscan-cu13", "holoscan", "holoscan_operators", _STEPS, ("all",), True,
        "pip install 'heartwire[holoscan]'", "three Python operators, default scheduler",
    ),
)  # fmt: skip


def of_case(case: Case, *, frames: bool) -> list[Peer]:
    """Give the peers that can do a case, installed or not."""
    return [peer for peer in PEERS if case in peer.cases and (peer.frames or not frames)]
