"""Warnings as JSON lines: `STEM.warnings.jsonl`, one alarm change a line."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import msgspec

from heartwire.engine.messages import AlarmEvent, EcgChunk, EndOfStream, Message, XrayFrame
from heartwire.engine.sink import OpenSink, Sink
from heartwire.streams.sinks.lines import LineFiles, make_folder


class WarningLine(msgspec.Struct, kw_only=True):
    """A line: samples count from the start of the stream at its own rate.

    `emitted_s` is when the warning came out, counted from the start of the stream. `system_delay_ms` runs from the
    intended time of the message that completed the decision to the warning's arrival here; it is null, and `emitted_s`
    the time of the decision sample, where the stream does not come at its device's pace.
    """

    condition: str
    mdc: int | None
    kind: str
    priority: str
    change: str
    onset_sample: int
    decision_sample: int
    algorithmic_delay_s: float
    system_delay_ms: float | None
    emitted_s: float | None
    reason: dict[str, Any]


class WarningsSink(Sink):
    """Writes the warnings of each stream into the folder `out`."""

    wants: ClassVar[tuple[type[Any], ...]] = (AlarmEvent, EcgChunk, XrayFrame, EndOfStream)

    out: str

    def open(self) -> OpenSink:
        """Start writing."""
        return _Warnings(LineFiles(make_folder(self.out), "warnings.jsonl"))


class _Warnings:
    def __init__(self, files: LineFiles) -> None:
        self._files = files
        self._rates_hz: dict[str, float] = {}
        self._early: dict[str, list[WarningLine]] = {}

    def write(self, message: Message) -> None:
        match message:
            case AlarmEvent():
                line = _line(message)
                if message.stream in self._rates_hz:
                    self._write(message.stream, line)
                else:
                    self._early.setdefault(message.stream, []).append(line)
            case EcgChunk() | XrayFrame() if message.stream not in self._rates_hz:
                self._files.begin(message.stream)
                self._rates_hz[message.stream] = message.rate_hz
                for line in self._early.pop(message.stream, []):
                    self._write(message.stream, line)
            case EndOfStream():
                self._files.begin(message.stream)

    def _write(self, stream: str, line: WarningLine) -> None:
        if rate_hz := self._rates_hz.get(stream):
            line.emitted_s = round(line.decision_sample / rate_hz + (line.system_delay_ms or 0.0) * 1e-3, 6)
        self._files.write(stream, line)

    def close(self) -> None:
        for stream, lines in self._early.items():
            for line in lines:
                self._write(stream, line)
        self._files.close()


def _line(event: AlarmEvent) -> WarningLine:
    delay_ns = time.monotonic_ns() - event.trace.intended_ns if event.trace.intended_ns else None
    return WarningLine(
        condition=event.condition,
        mdc=event.mdc,
        kind=event.kind,
        priority=event.priority,
        change=event.change,
        onset_sample=event.onset_sample,
        decision_sample=event.decision_sample,
        algorithmic_delay_s=event.algorithmic_delay_s,
        system_delay_ms=None if delay_ns is None else round(delay_ns / 1e6, 3),
        emitted_s=None,
        reason=event.reason,
    )
