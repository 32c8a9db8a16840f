"""The contract of a source: the description of where a stream comes from; opened, it yields the stream's items."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.contract import Contract
from heartwire.engine.messages import Item
from heartwire.engine.slots import Frame

Place: TypeAlias = Callable[[str, tuple[int, int], npt.DTypeLike], Frame]
Dense: TypeAlias = Literal["dark", "bright"]
"""What dense looks like in a recording."""


_PLACE: ContextVar[Place] = ContextVar("place", default=lambda _, shape, kind: np.empty(shape, kind))


def frame_array(stream: str, shape: tuple[int, int], kind: npt.DTypeLike) -> Frame:
    """Give an array (height, width) of uint8 or uint16 for the pixels of a stream's next frame.

    A source that lays its pixels there spares a copy where frames are sent through shared memory; the array is not its
    own any more once it has yielded that frame and is asked for the next.
    """
    return _PLACE.get()(stream, shape, kind)


def invert(pixels: Frame, bits: int) -> Frame:
    """Exchange bright and dark in place, for frames in which bright is dense; gives the same array."""
    return np.subtract((1 << bits) - 1, pixels, out=pixels)


def lay_frames(place: Place) -> None:
    """Let `frame_array` give what `place` gives, in this thread."""
    _PLACE.set(place)


class Source(msgspec.Struct, metaclass=Contract, kw_only=True, forbid_unknown_fields=True):
    """Where one stream comes from.

    A source is plain data: cheap to make, to send to another process and to print. Each `open` starts the stream anew
    and gives the same items. A kind of source is a subclass with the fields of its kind and its own `open`; it is
    found by its name among the entry points `heartwire.sources`, and its fields are the keys of its TOML table.
    """

    stream: str

    @abstractmethod
    def open(self) -> Iterator[Item]:
        """Open the device, file or simulation and give its items in order, `EndOfStream` last.

        `captured_ns` of an item is counted from the start of the stream: whoever feeds the engine adds the start and,
        at the device's pace, holds each item back until then. `EcgChunk` and `XrayFrame` only are timed; the sample
        numbers follow on each other, and samples that the source knows to be lost are a `Gap`.

        Raises
        ------
        SourceError
            If the device or file cannot be opened, or breaks off while it is read.
        """

    def length(self) -> int | None:
        """Give how many samples or frames the source will offer; None where it cannot know.

        Raises
        ------
        SourceError
            If the device or file cannot be opened.
        """
        return None


def captured_ns(number: int, rate_hz: float) -> int:
    """Give the time of a sample or frame counted from the start of its stream, ns."""
    return round(number / rate_hz * 1e9)
