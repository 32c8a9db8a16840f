"""One stream at work: its processor, its account, and what happens when the processor fails.

The same host runs inside a worker process and inside `heartwire annotate`: there is one engine path.
"""

from __future__ import annotations

import time

import msgspec

from heartwire.engine.errors import ProcessorError
from heartwire.engine.ledger import Ledger
from heartwire.engine.messages import EcgChunk, EndOfStream, Finding, Gap, Item, XrayFrame
from heartwire.engine.processor import Processor


class _State(msgspec.Struct):
    """What a host is restored from."""

    processor: bytes
    ledger: bytes
    next_number: int
    last_seq: int
    ended: bool


class StreamHost:
    """Feeds the items of one stream to its processor and keeps the account.

    Parameters
    ----------
    stream
        Stream id.
    processor
        A fresh processor.
    """

    def __init__(self, stream: str, processor: Processor) -> None:
        self.stream = stream
        self.ledger = Ledger(stream)
        self.last_seq = -1
        self.ended = False
        self._processor = processor
        self._next_number = 0
        self._good = (processor.snapshot(), 0)

    def handle(self, item: Item) -> list[Finding]:
        """Process the next item.

        Raises
        ------
        ProcessorError
            If the processor raised. It has then been put back to its last snapshot, with a gap up to the end of this
            item, which the account shows as dropped: the stream goes on with the next item.
        """
        item.trace.dequeued_ns = time.monotonic_ns()
        self.last_seq = item.seq
        try:
            findings = list(self._processor.process(item))
        except Exception as error:  # whatever a processor raises stays inside its own stream
            self._recover(item)
            raise ProcessorError(self.stream, error) from error
        self._account(item)
        decided_ns = time.monotonic_ns()
        for finding in findings:
            finding.trace = msgspec.structs.replace(item.trace, decided_ns=decided_ns)
        return findings

    def _account(self, item: Item, cause: str = "") -> None:
        match item:
            case EcgChunk(first_sample=first, samples=samples):
                self._count(first, len(samples), cause)
            case XrayFrame(frame=frame):
                self._count(frame, 1, cause)
            case Gap(first=first, count=count):
                self.ledger.missing(count)
                self._next_number = first + count
            case EndOfStream():
                self.ended = True

    def _count(self, first: int, count: int, cause: str) -> None:
        self.ledger.offered(count)
        if cause:
            self.ledger.dropped(cause, count)
        else:
            self.ledger.processed(count)
        self._next_number = first + count

    def drop(self, item: Item, cause: str) -> None:
        """Account for an item that will not be processed."""
        self.last_seq = item.seq
        self._account(item, cause)

    def _recover(self, item: Item) -> None:
        """Put the processor back to its last snapshot and tell it of the gap since."""
        self._account(item, "processor")
        state, number = self._good
        self._processor.restore(state)
        if (count := self._next_number - number) > 0:
            list(self._processor.process(Gap(stream=self.stream, first=number, count=count)))

    def snapshot(self) -> bytes:
        """Give the whole state of this stream."""
        state = self._processor.snapshot()
        self._good = (state, self._next_number)
        return msgspec.msgpack.encode(
            _State(state, self.ledger.snapshot(), self._next_number, self.last_seq, self.ended)
        )

    def restore(self, raw: bytes) -> None:
        """Take a state given by `snapshot`."""
        state = msgspec.msgpack.decode(raw, type=_State)
        self._processor.restore(state.processor)
        self.ledger.restore(state.ledger)
        self._next_number = state.next_number
        self.last_seq = state.last_seq
        self.ended = state.ended
        self._good = (state.processor, state.next_number)
