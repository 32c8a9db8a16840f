"""Beats and rhythms as standard WFDB annotations: `STEM.hw`, written when the sink is closed."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
import wfdb

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import Beat, BeatStage, EcgChunk, EndOfStream, Message, Rhythm
from heartwire.engine.sink import OpenSink, Sink, file_stem
from heartwire.streams.sinks.lines import make_folder

_RECORD_FILES = {"hea", "dat"}
_FIBRILLATION = {"VF", "VFL"}


class WfdbSink(Sink):
    """Writes the annotations of each ECG stream into the folder `out`.

    Beats lie at the R peak with their AAMI symbol: the revised one, or with `stage` "confirmed" the first. A rhythm
    change is a `+` with its label, `(VT`; `[` and `]` enclose ventricular flutter and fibrillation.
    """

    wants: ClassVar[tuple[type[Any], ...]] = (Beat, Rhythm, EcgChunk, EndOfStream)

    out: str
    annotator: str = "hw"
    stage: Literal["confirmed", "revised"] = "revised"

    def open(self) -> OpenSink:
        """Start gathering annotations."""
        if not self.annotator.isalpha():
            msg = f"annotator {self.annotator!r}: WFDB takes letters only"
            raise ConfigError(msg)
        if self.annotator in _RECORD_FILES:
            msg = f"annotator {self.annotator!r}: files of that name hold the recording itself"
            raise ConfigError(msg)
        return _Annotations(str(make_folder(self.out)), self.annotator, self.stage)


class _Stream(msgspec.Struct):
    """What is to be written of one stream."""

    rate_hz: float = 0.0
    end_sample: int = 0
    beats: dict[int, str] = {}
    rhythms: list[tuple[int, str]] = []


class _Annotations:
    def __init__(self, folder: str, annotator: str, stage: BeatStage) -> None:
        self._folder = folder
        self._annotator = annotator
        self._stages = {"confirmed", stage}
        self._streams: dict[str, _Stream] = {}

    def write(self, message: Message) -> None:
        match message:
            case EcgChunk():
                stream = self._stream(message.stream)
                stream.rate_hz = message.rate_hz
                stream.end_sample = max(stream.end_sample, message.end_sample)
            case Beat() if message.stage in self._stages:
                self._stream(message.stream).beats[message.sample] = message.label
            case Rhythm():
                self._stream(message.stream).rhythms.append((message.sample, message.label))

    def _stream(self, name: str) -> _Stream:
        if (stream := self._streams.get(name)) is None:
            stream = self._streams[name] = _Stream()
        return stream

    def close(self) -> None:
        with ExitStack() as stack:  # every stream is written, also where the file of another cannot be
            for name, stream in self._streams.items():
                stack.callback(self._write_file, file_stem(name).replace(".", "_"), stream)
        self._streams.clear()

    def _write_file(self, record: str, stream: _Stream) -> None:
        marks = in_order(stream.beats, stream.rhythms, stream.end_sample)
        if not marks:
            # An annotation file cannot be empty: a note says that there is nothing.
            marks = [(0, '"', "no beats found")]
        samples, symbols, notes = zip(*marks, strict=True)
        try:
            wfdb.wrann(
                record,
                self._annotator,
                np.array(samples, np.int64),
                symbol=list(symbols),
                aux_note=list(notes),
                fs=stream.rate_hz or None,
                write_dir=self._folder,
            )
        except OSError as error:
            msg = f"cannot write {self._folder}/{record}.{self._annotator}: {error.strerror}"
            raise ConfigError(msg) from error


def in_order(beats: dict[int, str], rhythms: list[tuple[int, str]], end_sample: int) -> list[tuple[int, str, str]]:
    """Put beats and rhythm changes in the order of a WFDB annotation file, no two at one sample.

    Parameters
    ----------
    beats
        AAMI symbol by sample of the R peak; beats keep their samples.
    rhythms
        Sample and label of each change; moved to the next free sample where taken.
    end_sample
        Length of the record; an open fibrillation is closed at its last sample.

    Returns
    -------
    list of tuple
        Sample, symbol and auxiliary note.
    """
    marks = {sample: (symbol, "") for sample, symbol in beats.items()}

    def add(sample: int, symbol: str, note: str = "") -> None:
        while sample in marks:
            sample += 1
        marks[sample] = (symbol, note)

    fibrillating = False
    for sample, label in sorted(rhythms, key=lambda change: change[0]):
        if fibrillating and label not in _FIBRILLATION:
            add(sample, "]")
        add(sample, "+", f"({label}")
        if not fibrillating and label in _FIBRILLATION:
            add(sample, "[")
        fibrillating = label in _FIBRILLATION
    if fibrillating:
        add(max(end_sample - 1, max(marks)), "]")
    return [(sample, *marks[sample]) for sample in sorted(marks)]
