"""Writes to the journal beside the work: a thread of its own, so that no stream waits for another's disk."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from heartwire.engine.alarms.journal import Journal, Record
from heartwire.engine.errors import JournalError

_AT_ONCE = 256
"""Most records of one transaction."""
_UNWRITTEN = 10_000
"""Most records that are kept while the journal cannot be written."""
_AGAIN_S = 1.0
_LATE_S = 2.0


class Scribe(threading.Thread):
    """Takes records in order and writes them; what waits is written in one transaction.

    Where the journal cannot be written, or its disk does not answer, alarms are not held back for it: the records count
    as done, `lost` says why, and writing is tried again until it works.

    Parameters
    ----------
    path
        The journal.
    open_journal
        Makes the journal; another one for tests.
    late_s
        How long an alarm waits for a write.
    """

    def __init__(self, path: Path, open_journal: Callable[[Path], Journal] = Journal, late_s: float = _LATE_S) -> None:
        super().__init__(name="scribe", daemon=True)
        self._path = path
        self._open = open_journal
        self._late_s = late_s
        self._done = 0
        self._failed = ""
        self._writing_since_s = math.inf
        self._given = 0
        self._waiting: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._journal: Journal | None = None

    @property
    def _late(self) -> bool:
        return time.monotonic() - self._writing_since_s > self._late_s

    @property
    def lost(self) -> str:
        """Why the journal cannot be written now; empty where it can."""
        return self._failed or (f"journal {self._path}: no answer for {self._late_s:g} s" if self._late else "")

    def done(self, number: int) -> bool:
        """Tell whether the record of that number was written, or need not be waited for."""
        return self._done >= number or self._late

    def put(self, record: Record) -> int:
        """Take a record; give its number, for `done`."""
        self._given += 1
        self._waiting.put(record)
        return self._given

    def run(self) -> None:
        """Write until told to stop."""
        unwritten: list[Record] = []
        stopping = False
        try:
            while not stopping:
                taken, stopping = self._take(_AGAIN_S if unwritten else None)
                unwritten += taken
                while unwritten and self._write(unwritten[:_AT_ONCE]):
                    del unwritten[:_AT_ONCE]
                del unwritten[:-_UNWRITTEN]
                self._done += len(taken)
        finally:
            if self._journal is not None:
                self._journal.close()

    def _take(self, timeout_s: float | None) -> tuple[list[Record], bool]:
        """Give what waits, and whether that was all there will be."""
        taken: list[Record] = []
        with suppress(queue.Empty):
            record = self._waiting.get(timeout=timeout_s)
            while record is not None:
                taken.append(record)
                record = self._waiting.get_nowait()
            return taken, True
        return taken, False

    def _write(self, records: list[Record]) -> bool:
        self._writing_since_s = time.monotonic()
        try:
            if self._journal is None:
                self._journal = self._open(self._path)
            self._journal.append(records)
        except Exception as error:  # a writer that died would hold back every alarm after it
            self._failed = str(error) if isinstance(error, JournalError) else f"journal {self._path}: {error!r}"
            if self._journal is not None:
                # A disk that came back may hold another file under this name.
                self._journal.close()
                self._journal = None
            return False
        finally:
            self._writing_since_s = math.inf
        self._failed = ""
        return True

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what waits and close the journal."""
        self._waiting.put(None)
        if self.is_alive():
            self.join(timeout_s)
