"""One stream through the engine in this process, as fast as it goes: source, host, sinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from heartwire.engine.host import StreamHost
from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Item, LedgerReport
from heartwire.engine.processor import Processor
from heartwire.engine.sink import OpenSink
from heartwire.engine.source import Source


def analyse(
    source: Source,
    processor: Processor,
    sinks: Sequence[OpenSink],
    progress: Callable[[int], None] | None = None,
) -> LedgerReport:
    """Take a source to its end; the sinks get every item and then the findings that it completed.

    Parameters
    ----------
    source
        Where the stream comes from.
    processor
        A fresh processor.
    sinks
        Opened sinks; they stay open.
    progress
        Called after each item with the samples or frames done so far.

    Returns
    -------
    LedgerReport
        The account of the whole stream.

    Raises
    ------
    SourceError
        If the source cannot be read to its end.
    ProcessorError
        If the processor raised.
    """
    host = StreamHost(source.stream, processor)
    for item in source.open():
        item.trace.received_ns = time.monotonic_ns()
        for sink in sinks:
            sink.write(item)
        for finding in host.handle(item):
            for sink in sinks:
                sink.write(finding)
        if progress:
            progress(_end(item))
    return host.ledger.report(final=True)


def _end(item: Item) -> int:
    match item:
        case EcgChunk():
            return item.end_sample
        case Gap():
            return item.first + item.count
        case EndOfStream():
            return item.offered
        case _:
            return item.frame + 1
