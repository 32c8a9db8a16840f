"""What classifiers of somebody's own say, as JSON lines: `STEM.classifications.jsonl`, a line a window or frame."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from heartwire.engine.messages import Classification, EcgChunk, EndOfStream, Message, XrayFrame
from heartwire.engine.sink import OpenSink, Sink
from heartwire.streams.sinks.lines import LineFiles, make_folder


class ClassificationLine(msgspec.Struct, kw_only=True):
    """A line: samples (or frames) count from the start of the stream."""

    sample: int
    decision_sample: int
    model: str
    label: str
    probability: float
    scores: dict[str, float]


class ClassificationsSink(Sink):
    """Writes the classifications of each stream into the folder `out`."""

    wants: ClassVar[tuple[type[Any], ...]] = (Classification,)

    out: str

    def open(self) -> OpenSink:
        """Start writing."""
        return _Classifications(LineFiles(make_folder(self.out), "classifications.jsonl"))


class _Classifications:
    def __init__(self, files: LineFiles) -> None:
        self._files = files

    def write(self, message: Message) -> None:
        match message:
            case Classification():
                line = ClassificationLine(
                    sample=message.sample,
                    decision_sample=message.decision_sample,
                    model=message.model,
                    label=message.label,
                    probability=message.probability,
                    scores=message.scores,
                )
                self._files.write(message.stream, line)
            case EcgChunk() | XrayFrame() | EndOfStream():
                self._files.begin(message.stream)

    def close(self) -> None:
        self._files.close()
