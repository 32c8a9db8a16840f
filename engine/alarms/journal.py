"""The journal of alarms: one SQLite file to which entries are only added, each holding the hash of all before it.

Several processes write to one journal; each entry has the identity that its message has on the wire (epoch, stream,
sequence number), so that one that is made again after a restart is not written twice. What has been written survives
the loss of the process and of power: WAL with `synchronous = FULL` syncs the log at each commit, which many entries may
share.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

import msgspec

from heartwire.engine.alarms.strips import Strip
from heartwire.engine.errors import JournalError
from heartwire.engine.messages import AlarmCommand, AlarmEvent, AlarmInactivation

APPLICATION_ID = 0x68776A31  # "hwj1"
FORMAT = 1
NO_HASH = bytes(32)
"""What the hash of the first entry is chained to."""
_WAIT_S = 5.0
_HEADER_BYTES = 100

_SCHEMA = """
CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    written_ns INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    stream TEXT NOT NULL,
    seq INTEGER,
    kind TEXT NOT NULL,
    condition TEXT NOT NULL,
    change TEXT NOT NULL,
    body TEXT NOT NULL,
    strip BLOB,
    hash BLOB NOT NULL
);
CREATE UNIQUE INDEX entry_once ON entry (epoch, stream, seq);
CREATE INDEX entry_of_condition ON entry (stream, kind, condition);
CREATE TRIGGER entry_is_never_changed BEFORE UPDATE ON entry
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER entry_is_never_removed BEFORE DELETE ON entry
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER entry_follows BEFORE INSERT ON entry
    WHEN NEW.id IS NOT (SELECT coalesce(max(id), 0) + 1 FROM entry)
    BEGIN SELECT raise(ABORT, 'the journal is append-only'); END;
"""

Kept = AlarmEvent | AlarmInactivation | AlarmCommand
"""Messages that are written before they are sent."""
EntryKind = Literal["start", "stop", "alarm", "inactivation", "command"]


class Start(msgspec.Struct, kw_only=True):
    """What an entry of kind `start` says: a run began.

    `commands` is where it takes commands; `live` are those of the `streams` in which goes on what stood before it.
    """

    version: str
    streams: list[str]
    commands: str
    live: list[str] = []


class Stop(msgspec.Struct, kw_only=True):
    """What an entry of kind `stop` says: a run ended in order."""


class Record(msgspec.Struct):
    """What is to be written: a message and, where it is the begin of an alarm, its strip."""

    epoch: int
    message: Kept | Start | Stop
    strip: Strip | None = None


class Entry(NamedTuple):
    """What was written, as it stands in the file."""

    id: int
    written_ns: int  # ns since 1970, UTC
    epoch: int
    stream: str
    seq: int | None
    kind: str
    condition: str
    change: str
    body: str  # the message as JSON
    strip: bytes | None  # a `Strip` as msgpack
    hash: bytes

    def chained(self, before: bytes) -> bytes:
        """Give the hash that this entry must have after that of the entry before it."""
        strip = None if self.strip is None else hashlib.sha256(self.strip).hexdigest()
        content = (*self[: self._fields.index("strip")], strip)
        return hashlib.sha256(before + msgspec.json.encode(content)).digest()


_COLUMNS = ", ".join(Entry._fields)


def _entry(number: int, record: Record) -> Entry:
    message = record.message
    stream, seq, condition = "", None, ""
    kind: EntryKind
    match message:
        case AlarmEvent():
            kind, change = "alarm", str(message.change)
        case AlarmInactivation():
            kind, change = "inactivation", "reminder" if message.reminder else message.change
        case AlarmCommand():
            kind, change = "command", message.action
        case Start():
            kind, change = "start", ""
        case Stop():
            kind, change = "stop", ""
    if not isinstance(message, Start | Stop):
        stream, seq, condition = message.stream, message.seq, message.condition
    strip = None if record.strip is None else msgspec.msgpack.encode(record.strip)
    body = msgspec.json.encode(message).decode()
    return Entry(number, time.time_ns(), record.epoch, stream, seq, kind, condition, change, body, strip, b"")


@contextmanager
def clear(path: Path) -> Iterator[None]:
    """Turn what SQLite raises, or a body that is none, into one error that names the file."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError, msgspec.MsgspecError) as error:
        msg = f"journal {path}: {error}"
        raise JournalError(msg) from error


def connect(path: Path) -> sqlite3.Connection:
    """Open an existing journal to read.

    Raises
    ------
    JournalError
        If there is none, or it is something else.
    """
    if not path.is_file():
        msg = f"journal {path}: there is no such file"
        raise JournalError(msg)
    # Readers of a log share memory through a file beside it; where none can be made, nobody writes either.
    shared = os.access(path.parent, os.W_OK) or Path(f"{path}-shm").exists()
    mode = "mode=ro" if shared else "mode=ro&immutable=1"
    with clear(path):
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=_WAIT_S)
        found = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    if (found, version) != (APPLICATION_ID, FORMAT):
        connection.close()
        msg = f"journal {path}: this is no heartwire journal of format {FORMAT}"
        raise JournalError(msg)
    return connection


def is_marked(path: Path) -> bool:
    """Tell whether a file begins like a journal, whatever became of the rest."""
    try:
        with path.open("rb") as file:
            begin = file.read(_HEADER_BYTES)
    except OSError:
        return False
    return begin.startswith(b"SQLite format 3\0") and begin[68:72] == APPLICATION_ID.to_bytes(4, "big")


def entries(connection: sqlite3.Connection, where: str = "1", values: Sequence[Any] = ()) -> Iterator[Entry]:
    """Give the entries for which an SQL condition holds, in order."""
    for row in connection.execute(f"SELECT {_COLUMNS} FROM entry WHERE {where} ORDER BY id", tuple(values)):
        yield Entry(*row)


class Journal:
    """A journal to write to; made where there is none.

    Parameters
    ----------
    path
        The file. SQLite keeps two more beside it, `-wal` and `-shm`, while it is open.

    Raises
    ------
    JournalError
        If it cannot be opened or is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if path.exists() and path.stat().st_size:
            connect(path).close()
        with clear(path):
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None, check_same_thread=False)
        try:
            with clear(path):
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._make()
        except JournalError:
            self._connection.close()
            raise

    def _make(self) -> None:
        with self._transaction():
            tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            if not tables:
                for statement in _statements():
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                self._connection.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def append(self, records: Sequence[Record]) -> int:
        """Write records in one transaction; give how many were new.

        When this returns they are on the disk. One whose epoch, stream and sequence number are there already is left
        out: it was written before a restart.

        Raises
        ------
        JournalError
            If they cannot be written; none of them is then.
        """
        with clear(self.path), self._transaction():
            row = self._connection.execute("SELECT id, hash FROM entry ORDER BY id DESC LIMIT 1").fetchone()
            last, head = row or (0, NO_HASH)
            new = 0
            for record in records:
                entry = _entry(last + new + 1, record)
                if entry.seq is not None and self._has(entry):
                    continue
                head = entry.chained(head)
                values = (*entry[:-1], head)
                marks = ", ".join("?" * len(values))
                self._connection.execute(f"INSERT INTO entry ({_COLUMNS}) VALUES ({marks})", values)
                new += 1
        return new

    def _has(self, entry: Entry) -> bool:
        where = "SELECT 1 FROM entry WHERE epoch = ? AND stream = ? AND seq = ?"
        return self._connection.execute(where, (entry.epoch, entry.stream, entry.seq)).fetchone() is not None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _statements() -> Iterator[str]:
    """Give the statements of the schema one by one: a script would commit on its own."""
    statement = ""
    for line in _SCHEMA.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
