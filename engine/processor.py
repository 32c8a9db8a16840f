"""The contract of a processor: a stateful step over the items of one stream, in order.

`heartwire.engine.testing` holds the checks that every processor must pass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.messages import Finding, Item
from heartwire.engine.stacking import Asking

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
    in_place: bool = False
    """It takes frames that lie in shared memory: once it has used their pixels, and before it keeps anything of them,
    it calls `XrayFrame.check`; it keeps no view of them. Others are given copies."""
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

    def asking(self, items: Sequence[Item]) -> Asking[list[Finding]]:
        """Do what `process_many` does, as a generator that yields what it asks of a network it shares with others.

        The worker runs those of many streams side by side (`heartwire.engine.stacking`). A processor that has nothing
        to share leaves this as it is.
        """
        return list(self.process_many(items))
        yield  # makes it a generator

    def share(self, n_streams: int) -> None:  # noqa: B027
        """Make ready for so many streams that ask together: run every shape of their networks once."""

    @abstractmethod
    def reset(self) -> None:
        """Return to the state of a fresh processor."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """Give the whole state; what follows `restore` of it equals never having stopped."""

    @abstractmethod
    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot made by the same version."""
