"""Work for nothing but warm caches and clocks: what a processor needs would else be cold after a pause."""

from __future__ import annotations

import time

import msgspec

from heartwire.engine.errors import ProcessorError
from heartwire.engine.messages import EcgChunk, Trace, XrayFrame
from heartwire.engine.processor import Processor
from heartwire.engine.wire import decode, encode

NEVER_NS = 2**62
_EVERY_NS = 10_000_000
_SHARE = 4
"""How often to work on samples: it takes a fifth of the time at most."""
_PAUSE_NS = 200_000_000
"""Frames that come faster keep themselves warm."""
_FIRST_TOOK_NS = 20_000_000
_SPARED_NS = 10_000_000
"""How long before a frame is expected all is done: it must not wait."""


class Warmth:
    """A spare processor that works on copies of the last item of a stream.

    Samples are worked on again and again while nothing comes. A frame takes so long that the next one would wait: it is
    worked on once, shortly before the next is due by the time between the last two.

    Parameters
    ----------
    spare
        Made like the one at work; shares nothing with it but its networks' weights.
    stream
        Whose it is, for errors.

    Attributes
    ----------
    due_ns
        When to work next, on the monotonic clock.
    """

    def __init__(self, spare: Processor, stream: str) -> None:
        self._spare = spare
        self._stream = stream
        self._last: EcgChunk | XrayFrame | None = None
        self._last_ns = 0
        self._next_number = 0
        self._took_ns = _FIRST_TOOK_NS
        self.due_ns = NEVER_NS

    def note(self, item: EcgChunk | XrayFrame, now_ns: int) -> None:
        """Remember the item that is worked on now."""
        pause_ns, self._last_ns = now_ns - self._last_ns, now_ns
        if isinstance(item, EcgChunk):
            self._last, self.due_ns = item, now_ns
            return
        self.due_ns = NEVER_NS
        if pause_ns > _PAUSE_NS:
            # Frames in shared memory are written over.
            self._last = msgspec.structs.replace(item, pixels=item.pixels.copy(), slot=None)
            self.due_ns = now_ns + pause_ns - 2 * self._took_ns - _SPARED_NS

    def work(self) -> None:
        """Work on the last item once more, and say when next.

        Raises
        ------
        ProcessorError
            If the processor failed.
        """
        if self._last is None:
            return
        began_ns = time.monotonic_ns()
        try:
            # Written and read as to and from the wire, for that code grows cold too.
            item = decode(encode(self._again(self._last)))
            assert isinstance(item, EcgChunk | XrayFrame)
            for finding in self._spare.process(item):
                encode(finding)
        except Exception as error:
            raise ProcessorError(self._stream, error) from error
        done_ns = time.monotonic_ns()
        self._took_ns = done_ns - began_ns
        again = isinstance(self._last, EcgChunk)
        self.due_ns = done_ns + max(_EVERY_NS, _SHARE * self._took_ns) if again else NEVER_NS

    def _again(self, item: EcgChunk | XrayFrame) -> EcgChunk | XrayFrame:
        """Give an item numbered on: to the spare processor it is one signal, whatever comes meanwhile."""
        first = self._next_number
        if isinstance(item, EcgChunk):
            self._next_number += item.end_sample - item.first_sample
            return msgspec.structs.replace(item, first_sample=first, trace=Trace())
        self._next_number += 1
        return msgspec.structs.replace(item, frame=first, trace=Trace())
