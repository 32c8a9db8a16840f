"""One record through the engine in this process: its rhythms, when each was decided, and its alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import wfdb

from heartwire.benchmarks.accuracy.vf import Span, spans
from heartwire.engine import registry
from heartwire.engine.messages import AlarmEvent, Rhythm

_MESSAGE_MS = 10_000


@dataclass
class EngineRhythms:
    """What the engine told of one record; times in seconds.

    `changes` are the (begin, label) of each rhythm in order, `decided` when each was, `alarms` the (condition, change,
    onset, decision) of each alarm change.
    """

    length_s: float
    changes: list[tuple[float, str]] = field(default_factory=list)
    decided: list[float] = field(default_factory=list)
    alarms: list[tuple[str, str, float, float]] = field(default_factory=list)

    def of(self, label: str) -> tuple[list[Span], list[float]]:
        """Give the stretches of one rhythm and when each was decided."""
        decided = [at for at, (_, name) in zip(self.decided, self.changes, strict=True) if name == label]
        return spans(self.changes, self.length_s, frozenset({label})), decided

    def alarmed(self, condition: str) -> tuple[list[Span], list[float]]:
        """Give the stretches of one alarm, from its onset to the decision that ended it, and when each was decided."""
        stretches, decided = [], []
        begun: tuple[float, float] | None = None
        for name, change, onset_s, decision_s in self.alarms:
            if name != condition:
                continue
            if change == "on":
                begun = onset_s, decision_s
            elif change in ("off", "latched") and begun is not None:
                stretches.append(Span(begun[0], decision_s))
                decided.append(begun[1])
                begun = None
        if begun is not None:
            stretches.append(Span(begun[0], self.length_s))
            decided.append(begun[1])
        return stretches, decided


def run_rhythms(record: Path, settings: dict[str, Any] | None = None) -> EngineRhythms:
    """Analyse a record on the CPU, one thread.

    Parameters
    ----------
    record
        Path without suffix.
    settings
        Of the ECG processor.

    Raises
    ------
    SourceError
        If the record cannot be read.
    """
    source = registry.source(record.name, {"kind": "wfdb", "record": str(record), "message_ms": _MESSAGE_MS})
    processor = registry.processor("ecg", record.name, {"provider": "cpu", "threads": 1} | (settings or {}))
    header = wfdb.rdheader(str(record))
    rate_hz = float(header.fs)
    told = EngineRhythms(float(header.sig_len) / rate_hz)
    found: list[tuple[float, str, float]] = []
    for item in source.open():
        for finding in processor.process(item):
            if isinstance(finding, Rhythm):
                found.append((finding.sample / rate_hz, finding.label, finding.decision_sample / rate_hz))
            elif isinstance(finding, AlarmEvent):
                at = finding.onset_sample / rate_hz, finding.decision_sample / rate_hz
                told.alarms.append((finding.condition, finding.change, *at))
    found.sort(key=lambda each: each[0])
    told.changes = [(at, label) for at, label, _ in found]
    told.decided = [decided for _, _, decided in found]
    return told
