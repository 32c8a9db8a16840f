"""Whether a journal is as it was written: every hash recomputed, every entry in its place."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from heartwire.engine.alarms.journal import NO_HASH, Entry, connect, entries, is_marked
from heartwire.engine.errors import JournalError


class Verdict(NamedTuple):
    """What came of verifying a journal; `wrong` says what is not as it was written, empty where all is."""

    entries: int
    head: str  # hash of the last entry; keep it elsewhere, and a shortened or rewritten journal shows
    wrong: str


def verify(path: Path, known_head: str = "") -> Verdict:
    """Recompute the chain of a journal.

    An entry that was changed, removed from between others, put in or moved breaks the chain. That entries were cut off
    at the end, or all of it was written anew, only a hash kept elsewhere can tell.

    Parameters
    ----------
    path
        The journal.
    known_head
        A hash that an earlier verification gave: it must be that of one of the entries.

    Raises
    ------
    JournalError
        If there is no such file, it does not even begin like a journal, or it cannot be opened though nothing says that
        it is damaged.
    """
    count, head, seen = 0, NO_HASH, not known_head
    try:
        connection = connect(path)
    except JournalError as error:
        if not (is_marked(path) and _is_damage(error.__cause__)):
            raise
        return Verdict(0, NO_HASH.hex(), f"it is damaged or was cut off: {error}")
    with closing(connection):
        try:
            for entry in entries(connection):
                if wrong := _wrong(entry, count + 1, head):
                    return Verdict(count, head.hex(), wrong)
                count, head = entry.id, entry.hash
                seen = seen or head.hex() == known_head
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            return Verdict(count, head.hex(), f"entry {count + 1} cannot be read: {error}")
    if not seen:
        return Verdict(count, head.hex(), f"no entry has the hash {known_head}: entries are missing or were rewritten")
    return Verdict(count, head.hex(), "")


def _is_damage(cause: BaseException | None) -> bool:
    if isinstance(cause, sqlite3.DatabaseError):
        # An extended code has the primary one in its low byte.
        return cause.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(cause, msgspec.MsgspecError)


def _wrong(entry: Entry, number: int, before: bytes) -> str:
    if entry.id != number:
        return f"entry {number} is missing"
    try:
        expected = entry.chained(before)
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        return f"entry {number} cannot be read: {error}"
    return "" if expected == entry.hash else f"entry {number} is not what was written"
