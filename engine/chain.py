"""Several steps in one process: items pass through each in turn, findings come out of the last."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import msgspec

from heartwire.engine.messages import Finding, Item
from heartwire.engine.processor import Processor


class ItemStep(ABC):
    """Takes the items of one stream in order and gives items for the next step, in order.

    The contract is that of a `Processor`: what comes out depends on the content alone. `Gap` and end are given on.
    """

    algorithmic_delay_s: float = 0.0

    @abstractmethod
    def process(self, item: Item) -> Iterable[Item]:
        """Take the next item; give what the next step gets of it. The item's arrays are left as they are."""

    @abstractmethod
    def reset(self) -> None:
        """Return to the state of a fresh step."""

    @abstractmethod
    def snapshot(self) -> bytes:
        """Give the whole state."""

    @abstractmethod
    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot made by the same version."""


class Chain(Processor):
    """Steps before a processor, as one processor.

    Parameters
    ----------
    steps
        In order.
    last
        Takes what the last step gives.
    """

    def __init__(self, steps: Sequence[ItemStep], last: Processor) -> None:
        self._steps = tuple(steps)
        self._last = last
        self._all: tuple[ItemStep | Processor, ...] = (*self._steps, last)
        self.algorithmic_delay_s = last.algorithmic_delay_s + sum(step.algorithmic_delay_s for step in self._steps)
        self.notes = last.notes
        self.alarms = last.alarms

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item through all steps."""
        items = [item]
        for step in self._steps:
            items = [given for taken in items for given in step.process(taken)]
        for given in items:
            yield from self._last.process(given)

    def reset(self) -> None:
        """Reset every step."""
        for one in self._all:
            one.reset()

    def snapshot(self) -> bytes:
        """Give the state of every step."""
        return msgspec.msgpack.encode([one.snapshot() for one in self._all])

    def restore(self, state: bytes) -> None:
        """Take the state of every step."""
        states = msgspec.msgpack.decode(state, type=list[bytes])
        for one, its in zip(self._all, states, strict=True):
            one.restore(its)
