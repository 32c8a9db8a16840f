"""Messages that wait together taken as one: the analysis does not depend on the cut, and long pieces cost less."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from heartwire.engine.messages import EcgChunk, Item


def joined(items: Iterable[Item]) -> Iterator[Item]:
    """Give the items with chunks that follow each other made into one, which has the trace of the last of them."""
    waiting: list[EcgChunk] = []
    for item in items:
        if waiting and not (isinstance(item, EcgChunk) and _follows(waiting[-1], item)):
            yield _one(waiting)
            waiting = []
        if isinstance(item, EcgChunk):
            waiting.append(item)
        else:
            yield item
    if waiting:
        yield _one(waiting)


def _follows(one: EcgChunk, other: EcgChunk) -> bool:
    same = (one.rate_hz, one.leads, one.samples.shape[1:]) == (other.rate_hz, other.leads, other.samples.shape[1:])
    return same and one.end_sample == other.first_sample


def _one(chunks: list[EcgChunk]) -> EcgChunk:
    if len(chunks) == 1:
        return chunks[0]
    samples = np.concatenate([chunk.samples for chunk in chunks])
    return msgspec.structs.replace(chunks[-1], first_sample=chunks[0].first_sample, samples=samples)
