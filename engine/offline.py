"""One stream through the engine in this process, as fast as it goes: source, host, sinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from heartwire.engine.errors import SourceError
from heartwire.engine.host import StreamHost
from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Item, LedgerReport
from heartwire.engine.processor import Processor
from heartwire.engine.sink import OpenSink
from heartwire.engine.source import Source

_BATCH_S = 10.0


def analyse(
    source: Source,
    processor: Processor,
    sinks: Sequence[OpenSink],
    progress: Callable[[int], None] | None = None,
) -> LedgerReport:
    """Take a source to its end; the sinks get the items and then the findings that they completed.

    Parameters
    ----------
    source
        Where the stream comes from.
    processor
        A fresh processor.
    sinks
        Opened sinks; they stay open.
    progress
        Called now and then with the samples or frames done so far.

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
    for items in _batches(source.open()):
        received_ns = time.monotonic_ns()
        for item in items:
            item.trace.received_ns = received_ns
            for sink in sinks:
                sink.write(item)
        for finding in host.handle_many(items):
            for sink in sinks:
                sink.write(finding)
        if progress:
            progress(_end(items[-1]))
    return host.ledger.report(final=True)


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    """Give the items as they are taken at once: some seconds of ECG, since all of it waits; others one by one."""
    batch: list[Item] = []
    n_samples = 0
    try:
        for item in items:
            batch.append(item)
            if isinstance(item, EcgChunk):
                n_samples += len(item.samples)
                if n_samples < _BATCH_S * item.rate_hz:
                    continue
            yield batch
            batch, n_samples = [], 0
    except SourceError:
        # What came before the source failed is analysed all the same.
        if batch:
            yield batch
        raise
    if batch:
        yield batch


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
