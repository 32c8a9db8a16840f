"""One stream at work: its processor, its account, and what happens when the processor fails.

The same host runs inside a worker process and inside `heartwire annotate`: there is one engine path.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from heartwire.engine.alarms.explanation import Explainer
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.errors import FrameOverwritten, ProcessorError
from heartwire.engine.flow import OVERWRITTEN
from heartwire.engine.ledger import Ledger
from heartwire.engine.messages import EcgChunk, EndOfStream, Finding, Gap, Item, Trace, number_of, size_of
from heartwire.engine.processor import Processor
from heartwire.engine.stacking import Asking, alone

if TYPE_CHECKING:
    from heartwire.engine.inference import Model


class _State(msgspec.Struct):
    """What a host is restored from."""

    processor: bytes
    processor_number: int
    """The next sample or frame when the processor gave its state."""
    explainer: bytes
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
        A fresh processor; None where its model is not available: every item is then dropped by cause `model`.
    """

    def __init__(self, stream: str, processor: Processor | None) -> None:
        self.stream = stream
        self.ledger = Ledger(stream)
        self.last_seq = -1
        self.next_number = 0
        self.ended = False
        self._processor = processor
        self._explainer = Explainer()
        self._good = (processor.snapshot() if processor else b"", 0)

    @property
    def in_place(self) -> bool:
        """Whether the processor takes frames that lie in shared memory."""
        return self._processor is not None and self._processor.in_place

    @property
    def alarms(self) -> AlarmBoard | None:
        """The alarms that the processor raises, where it raises any."""
        return None if self._processor is None else self._processor.alarms

    @property
    def models(self) -> Mapping[str, Model]:
        """The networks that the processor runs, by the setting that names each."""
        return {} if self._processor is None else self._processor.models

    def take_over(self, processor: Processor, *, anew: bool) -> None:
        """Go on with another processor from the next item on.

        It is given the state of the one at work; `anew`: only its alarms, which are to be found again or to end.
        Whatever it raises leaves the one at work where it is.
        """
        if (before := self._processor) is not None and not anew:
            processor.restore(before.snapshot())
        elif self.alarms is not None and processor.alarms is not None:
            processor.alarms.restore(self.alarms.snapshot())
            processor.alarms.doubt()
        self._good = (processor.snapshot(), self.next_number)
        self._processor = processor

    def share(self, n_streams: int) -> None:
        """Make ready for so many streams that ask together."""
        if self._processor is not None:
            self._processor.share(n_streams)

    def handle_many(self, items: Sequence[Item]) -> list[Finding]:
        """Process several items that wait, alone; raises as `asking` does."""
        return alone(self.asking(items))

    def asking(self, items: Sequence[Item]) -> Asking[list[Finding]]:
        """Process the next items, while other streams process theirs; the findings are those of one by one.

        Each finding has the trace of the item that completed its decision.

        Raises
        ------
        ProcessorError
            If the processor raised. It has then been put back to its last snapshot, with a gap up to the end of the
            last item; the account shows them as dropped: the stream goes on with the next item.
        """
        dequeued_ns = time.monotonic_ns()
        for item in items:
            item.trace.dequeued_ns = dequeued_ns
        if self._processor is None:
            for item in items:
                self.drop(item, "model")
            return []
        told = None if self.alarms is None else self.alarms.snapshot()
        try:
            findings = yield from self._processor.asking(items)
        except FrameOverwritten:
            for item in items:
                self.drop(item, OVERWRITTEN)
            return []
        except Exception as error:  # whatever a processor raises stays inside its own stream
            for item in items:
                self.drop(item, "processor")
            raise ProcessorError(self.stream, error, self._put_back(self._processor, told)) from error
        for item in items:
            self._account(item, None)
        if isinstance(first := items[0], EcgChunk):
            self._explainer.rate_hz = first.rate_hz
            self._explainer.trim(first.first_sample)
        decided_ns = time.monotonic_ns()
        for finding in findings:
            self._explainer.note(finding)
            finding.trace = _trace(finding, items, decided_ns)
        return findings

    def drop(self, item: Item, cause: str) -> None:
        """Account for an item that will not be processed."""
        self._account(item, cause)

    def _account(self, item: Item, dropped: str | None) -> None:
        self.last_seq = item.seq
        count = size_of(item)
        self.ledger.offered(count)
        if dropped:
            self.ledger.dropped(dropped, count)
        else:
            self.ledger.processed(count)
        if isinstance(item, EndOfStream):
            self.ended = True
            self.ledger.ended(item.offered)
            return
        if isinstance(item, Gap):
            count = item.count
            self.ledger.missing(count)
        self.next_number = number_of(item) + count

    def _put_back(self, processor: Processor, told: bytes | None = None) -> list[Finding]:
        """Return to the last snapshot, tell the processor of the gap since, and give what it finds of that.

        Alarms do not go back in time: they stay as they were `told`, to be found again or to end.
        """
        state, number = self._good
        try:
            processor.restore(state)
            if told is not None and processor.alarms is not None:
                processor.alarms.restore(told)
                processor.alarms.doubt()
            if (count := self.next_number - number) > 0:
                return list(processor.process(Gap(stream=self.stream, first=number, count=count)))
        except Exception:  # where even that fails the stream begins anew, but for its alarms
            processor.reset()
            if told is not None and processor.alarms is not None:
                processor.alarms.restore(told)
                processor.alarms.doubt()
        return []

    def snapshot(self) -> bytes:
        """Give the whole state of this stream; where the processor cannot give its own, with the last one it gave."""
        if self._processor is not None:
            with suppress(Exception):  # a processor that cannot be saved harms its own restart only
                self._good = (self._processor.snapshot(), self.next_number)
        explainer, ledger = self._explainer.snapshot(), self.ledger.snapshot()
        state = _State(*self._good, explainer, ledger, self.next_number, self.last_seq, self.ended)
        return msgspec.msgpack.encode(state)

    def restore(self, raw: bytes) -> None:
        """Take a state given by `snapshot`."""
        state = msgspec.msgpack.decode(raw, type=_State)
        self._explainer.restore(state.explainer)
        self.ledger.restore(state.ledger)
        self.next_number = state.next_number
        self.last_seq = state.last_seq
        self.ended = state.ended
        self._good = (state.processor, state.processor_number)
        if self._processor is not None:
            # Where the processor's state is older than the account, what lies between is a gap to it.
            self._put_back(self._processor)


def _trace(finding: Finding, items: Sequence[Item], decided_ns: int) -> Trace:
    """Give the stamps of a finding: those of its way here are of the item that brought the sample it was decided on."""
    trace = msgspec.structs.replace(items[-1].trace, decided_ns=decided_ns)
    if len(items) > 1 and (decision := getattr(finding, "decision_sample", None)) is not None:
        for item in items:
            if isinstance(item, EcgChunk) and decision < item.end_sample:
                own = item.trace
                trace.intended_ns, trace.sent_ns, trace.received_ns = own.intended_ns, own.sent_ns, own.received_ns
                break
    return trace
