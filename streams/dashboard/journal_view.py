"""What the journal of alarms says of one stream, as the page lists it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from heartwire.engine.alarms.conditions import CONDITIONS
from heartwire.engine.alarms.journal import Entry, clear, connect, entries
from heartwire.engine.alarms.strips import Strip
from heartwire.engine.messages import AlarmCommand, AlarmEvent, AlarmInactivation
from heartwire.streams.dashboard import records

MOST_ENTRIES = 200
_TYPES: dict[str, Any] = {"alarm": AlarmEvent, "inactivation": AlarmInactivation, "command": AlarmCommand}


class Listed(msgspec.Struct, kw_only=True):
    """One entry. `change` is that of an alarm or inactivation, or what a command asked for."""

    id: int
    written_ms: float
    kind: str
    condition: str
    text: str
    change: str
    priority: str = ""
    by: str = ""
    rule: str = ""
    lasts_s: float = 0.0
    limits: dict[str, float] = {}
    strip: bool = False


def listed(journal: Path, stream: str, before: int | None = None) -> list[Listed]:
    """Give the last entries of a stream, the newest first.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    last = "SELECT id FROM entry WHERE stream = ? AND id < ? ORDER BY id DESC LIMIT ?"
    values = (stream, before or 2**62, MOST_ENTRIES)
    with clear(journal), closing(connect(journal)) as connection:
        found = list(entries(connection, f"id IN ({last})", values))
        return [_listed(entry) for entry in reversed(found) if entry.kind in _TYPES]


def _listed(entry: Entry) -> Listed:
    body = msgspec.json.decode(entry.body, type=_TYPES[entry.kind])
    condition = CONDITIONS.get(entry.condition)
    listed = Listed(
        id=entry.id,
        written_ms=entry.written_ns / 1e6,
        kind=entry.kind,
        condition=entry.condition,
        text=condition.text if condition else "",
        change=entry.change,
        strip=entry.strip is not None,
    )
    match body:
        case AlarmEvent():
            listed.priority, listed.rule = body.priority, str(body.reason.get("rule", ""))
            listed.by = str(body.reason.get("by", ""))
        case AlarmInactivation():
            listed.by, listed.lasts_s = body.by, body.lasts_s
        case AlarmCommand():
            listed.by, listed.limits = body.by, body.limits
    return listed


def strip(journal: Path, number: int) -> bytes:
    """Give the strip of an entry as a record, empty where it has none.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    with clear(journal), closing(connect(journal)) as connection:
        entry = next(entries(connection, "id = ?", (number,)), None)
        if entry is None or entry.strip is None:
            return b""
        kept = msgspec.msgpack.decode(entry.strip, type=Strip)
        reason = msgspec.json.decode(entry.body, type=AlarmEvent).reason
    samples, classes = reason.get("beat_samples", []), reason.get("beat_classes", "")
    beats = list(zip(samples, classes, strict=False)) if isinstance(samples, list) and isinstance(classes, str) else []
    about = {"first_sample": kept.first_sample, "rate_hz": kept.rate_hz, "leads": kept.leads, "beats": beats}
    return records.piece(0, about, kept.samples)
