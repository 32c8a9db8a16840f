"""The contract of a pipeline under test, and how one is found.

Another package makes its own measurable by declaring a factory::

    [project.entry-points."heartwire.pipelines"]
    mine = "my_package.bench:create"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import NamedTuple, Self, TypeAlias, cast

import msgspec

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import LedgerReport


class Wiring(NamedTuple):
    """What a pipeline is given."""

    items: str  # endpoint at which the items of every stream are published
    findings: str  # endpoint at which it may publish its findings
    streams: Sequence[tuple[str, str]]  # id and kind ("ecg", "xray") of each stream
    paced: bool  # False: items come as fast as they are acknowledged
    folder: Path  # a folder of its own, removed afterwards


class Account(msgspec.Struct, kw_only=True):
    """What a pipeline says of itself in the end."""

    ledgers: dict[str, LedgerReport] = {}
    faults: list[str] = []
    restarts: dict[str, int] = {}
    gc_pauses: dict[str, dict[str, float]] = {}
    """Of each process: pauses of Python's collector, `n`, `total_ms`, `longest_ms`."""


class Pipeline(ABC):
    """A pipeline at work; a context manager that leaves no process behind.

    It takes items from `Wiring.items` and publishes findings, each with the `decision_sample` or `frame` that it needed
    last: from that the benchmark knows when it was due. Stamps of its own in `trace` give the stages.
    """

    name = ""
    says_ready = True
    """Whether `wait_ready` knows; else it is taken to be ready once it publishes."""
    notes: Sequence[str] = ()
    """What the report should say of it, such as where its models run."""

    @abstractmethod
    def findings(self) -> list[str]:
        """Give the endpoints at which findings are published."""

    @abstractmethod
    def wait_ready(self) -> None:
        """Wait until items may come.

        Raises
        ------
        HeartwireError
            If it cannot start.
        """

    @abstractmethod
    def run(self, during: Callable[[], bool]) -> Account:
        """Work until all items have been processed.

        Parameters
        ----------
        during
            To be called at least ten times a second; True once everything has been sent.

        Raises
        ------
        HeartwireError
            If it failed.
        """

    def alive(self) -> bool:
        """Tell that it lives.

        Raises
        ------
        HeartwireError
            If it died.
        """
        return True

    @abstractmethod
    def processes(self) -> dict[str, int]:
        """Give its process ids by name."""

    @abstractmethod
    def close(self) -> None:
        """End it."""

    def completed(self, account: Account) -> Account:
        """Give the account with what is known only once the pipeline was closed."""
        return account

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


PipelineFactory: TypeAlias = Callable[[Wiring], Pipeline]


def plugged_in(name: str) -> PipelineFactory:
    """Give the factory that a package declared under a name.

    Raises
    ------
    ConfigError
        If there is none, or it cannot be imported.
    """
    group = entry_points(group="heartwire.pipelines")
    if name not in group.names:
        msg = f"there is no pipeline {name!r}: known are {', '.join(sorted(group.names)) or 'none'}"
        raise ConfigError(msg)
    try:
        return cast("PipelineFactory", group[name].load())
    except ImportError as error:
        msg = f"pipeline {name!r} cannot be imported: {error}"
        raise ConfigError(msg) from error
