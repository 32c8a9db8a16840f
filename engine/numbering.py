"""Sample and frame numbers that only ever rise, also where a device starts its count again."""

from __future__ import annotations

from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Item, XrayFrame, number_of, size_of


class Numbering:
    """Shifts a device's numbers so that those of its stream go on after a restart of the device.

    `shift` is what is added to the device's numbers now, `next_number` the first number not seen yet.
    """

    def __init__(self) -> None:
        self.shift = 0
        self.next_number = 0

    def renumber(self, item: Item) -> bool:
        """Shift the item's numbers; tell whether the device started its count again with it."""
        match item:
            case EndOfStream():
                item.offered += self.shift
                return False
            case EcgChunk():
                restarted = self._follow(item)
                item.first_sample += self.shift
            case XrayFrame():
                restarted = self._follow(item)
                item.frame += self.shift
            case Gap():
                restarted = self._follow(item)
                item.first += self.shift
        count = item.count if isinstance(item, Gap) else size_of(item)
        self.next_number = number_of(item) + count
        return restarted

    def _follow(self, item: EcgChunk | XrayFrame | Gap) -> bool:
        number = number_of(item)
        if restarted := number + self.shift < self.next_number:
            self.shift = self.next_number - number
        return restarted
