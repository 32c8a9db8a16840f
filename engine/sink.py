"""The contract of a sink: the description of where findings go; opened, it writes the messages of all its streams."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, Protocol

import msgspec

from heartwire.engine.contract import Contract
from heartwire.engine.messages import Message


class OpenSink(Protocol):
    """A sink at work."""

    def write(self, message: Message) -> None:
        """Take the next message of its stream; ignore kinds that are of no use here."""

    def close(self) -> None:
        """Finish what is written."""


class Sink(msgspec.Struct, metaclass=Contract, kw_only=True, forbid_unknown_fields=True):
    """Where the findings of a run go.

    A sink is plain data like a `Source`, found by its name among the entry points `heartwire.sinks`. What it writes
    depends on the messages of each stream in their order alone, never on how those of several streams interleave.
    """

    wants: ClassVar[tuple[type[Any], ...]] = ()
    """The message types that it uses; others need not be brought to it."""

    @abstractmethod
    def open(self) -> OpenSink:
        """Start writing.

        Raises
        ------
        ConfigError
            If the place cannot be written to.
        """


def file_stem(stream: str) -> str:
    """Give the name that a stream's files carry: its id, with '-' for '/'."""
    return stream.replace("/", "-")
