"""Sample and frame numbers that only ever rise, also where a device starts its count again."""

from __future__ import annotations

from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Item, XrayFrame, number_of, size_of

_LARGEST_JUMP = 2**31 - 1
"""Numbers that jump further (12 days of samples at 2000 Hz) are an error of the device, not a loss."""


class Numbering:
    """Shifts a device's numbers so that those of its stream go on after a restart of the device.

    `shift` is what is added to the device's numbers now, `next_number` the first number not seen yet.
    """

    def __init__(self) -> None:
        self.shift = 0
        self.next_number = 0

    def renumber(self, item: Item) -> str:
        """Shift the item's numbers; say what was wrong with the device's count, "" where nothing was.

        A gap that cannot be one is left with a count of 0.
        """
        wrong = ""
        match item:
            case EndOfStream():
                item.offered += self.shift
                return wrong
            case EcgChunk():
                wrong = self._follow(item)
                item.first_sample += self.shift
            case XrayFrame():
                wrong = self._follow(item)
                item.frame += self.shift
            case Gap():
                wrong = self._follow(item)
                item.first += self.shift
                if item.count > _LARGEST_JUMP:
                    wrong = f"the device's count jumped by {item.count}"
                    self.shift -= item.count
                    item.count = 0
        count = item.count if isinstance(item, Gap) else size_of(item)
        self.next_number = number_of(item) + count
        return wrong

    def _follow(self, item: EcgChunk | XrayFrame | Gap) -> str:
        number = number_of(item)
        ahead = number + self.shift - self.next_number
        if 0 <= ahead <= _LARGEST_JUMP:
            return ""
        began = self.next_number > 0
        self.shift = self.next_number - number
        if not began:
            return ""
        return "the device started its count again" if ahead < 0 else f"the device's count jumped by {ahead}"
