"""What a journal knows that a run goes on from: what stood, what was commanded, where commands go."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from heartwire.engine.alarms.journal import Start, clear, connect, entries
from heartwire.engine.messages import AlarmCommand, AlarmEvent, AlarmInactivation


def standing(path: Path, stream: str, before_epoch: int) -> list[AlarmEvent]:
    """Give the last event of each condition of a stream that was not off when the runs before an epoch ended.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    last = "SELECT max(id) FROM entry WHERE stream = ? AND kind = 'alarm' AND epoch < ? GROUP BY condition"
    with clear(path), closing(connect(path)) as connection:
        found = entries(connection, f"id IN ({last}) AND change != 'off'", (stream, before_epoch))
        return [msgspec.json.decode(entry.body, type=AlarmEvent) for entry in found]


def commands(path: Path, stream: str, epoch: int, from_seq: int) -> list[AlarmCommand]:
    """Give the commands that were carried out on a stream from a sequence number on.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    where = "stream = ? AND kind = 'command' AND epoch = ? AND seq >= ?"
    with clear(path), closing(connect(path)) as connection:
        found = entries(connection, where, (stream, epoch, from_seq))
        return [msgspec.json.decode(entry.body, type=AlarmCommand) for entry in found]


def next_seq(path: Path, stream: str, epoch: int) -> int:
    """Give the sequence number after the last that the journal has of a stream; 0 where it has none.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    last = "(SELECT max(seq) FROM entry WHERE stream = ? AND epoch = ?)"
    with clear(path), closing(connect(path)) as connection:
        found = list(entries(connection, f"stream = ? AND epoch = ? AND seq = {last}", (stream, epoch, stream, epoch)))
    return 0 if not found else (found[0].seq or 0) + 1


def last_start(path: Path) -> Start | None:
    """Give what the last run said when it began; None where there was none.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    with clear(path), closing(connect(path)) as connection:
        found = list(entries(connection, "id = (SELECT max(id) FROM entry WHERE kind = 'start')"))
        return msgspec.json.decode(found[0].body, type=Start) if found else None


def lost_limits(path: Path, stream: str, before_epoch: int) -> dict[str, float]:
    """Give the limits of a stream that commands had changed in the run before an epoch, if it did not end in order.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    began = "(SELECT coalesce(max(id), 0) FROM entry WHERE kind = 'start' AND epoch < ?)"
    where = f"id > {began} AND epoch < ? AND (kind = 'stop' OR (stream = ? AND kind = 'command' AND change = 'limits'))"
    with clear(path), closing(connect(path)) as connection:
        found = list(entries(connection, where, (before_epoch, before_epoch, stream)))
        if any(entry.kind == "stop" for entry in found):
            return {}
        return {k: v for e in found for k, v in msgspec.json.decode(e.body, type=AlarmCommand).limits.items()}


def current(path: Path) -> tuple[list[tuple[AlarmEvent, int]], list[tuple[AlarmInactivation, int]]]:
    """Give what stands in the last run: alarms and inactivations, each with the time it was written (ns, UTC).

    What stood before it stands until the run, whose processes take some seconds to start, has told it again.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    began = "(SELECT coalesce(max(id), 0) FROM entry WHERE kind = 'start')"
    last = f"SELECT max(id) FROM entry WHERE kind = ? AND id > {began} GROUP BY stream, condition"
    by_board = f"{last}, json_extract(body, '$.kind')"
    before = f"SELECT max(id) FROM entry WHERE kind = ? AND id < {began} GROUP BY stream, condition"
    with clear(path), closing(connect(path)) as connection:
        start = next(entries(connection, f"id = {began}"), None)
        live = msgspec.json.decode(start.body, type=Start).live if start else []
        alarms = list(entries(connection, f"id IN ({last})", ("alarm",)))
        told = {(entry.stream, entry.condition) for entry in alarms}
        stood = [
            entry
            for entry in entries(connection, f"id IN ({before})", ("alarm",))
            if entry.stream in live and (entry.stream, entry.condition) not in told
        ]
        inactive = list(entries(connection, f"id IN ({by_board}) AND change != 'enabled'", ("inactivation",)))
        return (
            [
                (msgspec.json.decode(entry.body, type=AlarmEvent), entry.written_ns)
                for entry in (*stood, *alarms)
                if entry.change != "off"
            ],
            [(msgspec.json.decode(entry.body, type=AlarmInactivation), entry.written_ns) for entry in inactive],
        )
