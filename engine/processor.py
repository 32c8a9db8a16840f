"""The contract of a processor: a stateful step over the items of one stream, in order.

`heartwire.engine.testing` holds the checks that every processor must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.messages import Finding, Item

if TYPE_CHECKING:
    from heartwire.engine.inference import Model


class Processor(ABC):
    """Takes the items of one stream in order and gives findings.

    The output depends only on the items' content, never on how the samples were cut into messages, on wall time or on
    other streams. `algorithmic_delay_s` is the longest time between an event and the last sample its finding needs.
    """

    algorithmic_delay_s: float
    notes: Sequence[str] = ()
    """What the user should know at start: which models run where and why."""
    models: Mapping[str, Model] = {}
    """The networks that it runs, by the setting that names each: what can be swapped while it works."""
    alarms: AlarmBoard | None = None
    """The board of the alarms that it raises, where it raises any: commands to them go there. Part of the snapshot."""

    @abstractmethod
    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item; give the findings it completes.

        A `Gap` stands for samples that cannot be had: continue after it, and never raise for it.
        """

    def process_many(self, items: Sequence[Item]) -> Iterable[Finding]:
        """Take several waiting items of this stream at once; same output as one by one."""
        for item in items:
            yield from self.process(item)

    @abstractmethod
    def reset(self) -> None:
        """Return to the state of a fresh processor."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """Give the whole state; what follows `restore` of it equals never having stopped."""

    @abstractmethod
    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot made by the same version."""
