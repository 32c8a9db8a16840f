"""One record through the engine in this process: its beats of every stage, its signal quality, and the time it took."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from heartwire.benchmarks.accuracy.beat_score import CLASSES, Beats
from heartwire.engine import registry
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.messages import Beat, BeatClass, EcgChunk, Finding, Item, Message, SignalQuality
from heartwire.engine.offline import analyse
from heartwire.engine.processor import Processor
from heartwire.engine.sink import OpenSink

MESSAGE_MS = 10_000
"""Signal in one message: findings do not depend on it, the time does."""
ANNOTATOR = "hw"


@dataclass(frozen=True)
class EngineBeats:
    """What the engine told of one record.

    `confirmed` carries the classes told at once, `final` those after revision. `masked` are the stretches in which no
    lead was good enough to be trusted, in samples. `work_s` is the time within the processor alone.
    """

    provisional: Beats
    confirmed: Beats
    final: Beats
    masked: list[tuple[float, float]]
    signal_s: float
    work_s: float


@dataclass
class _Gatherer:
    """A sink that keeps beats by their sample, and the quality."""

    stages: dict[str, dict[int, tuple[BeatClass, int]]] = field(
        default_factory=lambda: {"provisional": {}, "confirmed": {}, "revised": {}}
    )
    quality: list[tuple[int, float]] = field(default_factory=list)
    rate_hz: float = 0.0

    def write(self, message: Message) -> None:
        match message:
            case EcgChunk():
                self.rate_hz = message.rate_hz
            case Beat():
                self.stages[message.stage][message.sample] = (message.label, message.decision_sample)
            case SignalQuality():
                analysed = dict(zip(message.leads, message.quality, strict=True))
                best = max((analysed[lead] for lead in message.analysed), default=0.0)
                self.quality.append((message.decision_sample, best))

    def close(self) -> None:
        pass

    def beats(self, *stages: str) -> Beats:
        """Give the beats of the stages named, a later stage replacing an earlier one at the same sample."""
        found: dict[int, tuple[BeatClass, int]] = {}
        for stage in stages:
            found |= self.stages[stage]
        samples = sorted(found)
        return Beats(
            np.array(samples, np.int64),
            np.array([CLASSES.index(found[s][0]) for s in samples], np.int64),
            np.array([found[s][1] for s in samples], np.int64),
        )


class _Timed(Processor):
    """A processor with a stop-watch on it."""

    def __init__(self, processor: Processor) -> None:
        self._processor = processor
        self.work_s = 0.0

    def process(self, item: Item) -> Iterable[Finding]:
        begin_s = time.perf_counter()
        findings = list(self._processor.process(item))
        self.work_s += time.perf_counter() - begin_s
        return findings

    def reset(self) -> None:
        self._processor.reset()

    def snapshot(self) -> bytes:
        return self._processor.snapshot()

    def restore(self, state: bytes) -> None:
        self._processor.restore(state)


def masked_spans(quality: Sequence[tuple[int, float]], threshold: float) -> list[tuple[float, float]]:
    """Give the stretches of poor signal: each quality told holds from the one before it to its own sample."""
    spans: list[tuple[float, float]] = []
    before = -1
    for sample, value in quality:
        if value < threshold:
            spans.append((before + 1.0, float(sample)))
        before = sample
    return spans


def run_engine(record: Path, *, leads: tuple[str, ...] = (), keep: Path | None = None) -> EngineBeats:
    """Analyse a record with the shipped settings, on the CPU, one thread.

    Parameters
    ----------
    record
        Path without suffix.
    leads
        The leads to take; empty: all.
    keep
        Folder for the annotations that the engine would write, and its warnings.

    Raises
    ------
    SourceError
        If the record cannot be read.
    """
    table = {"kind": "wfdb", "record": str(record), "message_ms": MESSAGE_MS, "leads": leads}
    source = registry.source(record.name, table)
    settings = {"provider": "cpu", "threads": 1}
    processor = _Timed(registry.processor("ecg", record.name, settings))
    gatherer = _Gatherer()
    sinks: list[OpenSink] = [gatherer]
    if keep is not None:
        sinks.append(registry.sink({"kind": "wfdb", "out": str(keep), "annotator": ANNOTATOR}).open())
        sinks.append(registry.sink({"kind": "warnings", "out": str(keep)}).open())
    report = analyse(source, processor, sinks)
    for sink in sinks:
        sink.close()
    return EngineBeats(
        provisional=gatherer.beats("provisional"),
        confirmed=gatherer.beats("confirmed"),
        final=gatherer.beats("confirmed", "revised"),
        masked=masked_spans(gatherer.quality, EcgSettings().noisy_below),
        signal_s=report.offered / gatherer.rate_hz,
        work_s=processor.work_s,
    )
