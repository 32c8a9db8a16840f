"""Writes to the journal beside the work: a thread of its own, so that no stream waits for another's disk."""

from __future__ import annotations

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


class Scribe(threading.Thread):
    """Takes records in order and writes them; what waits is written in one transaction.

    Where the journal cannot be written, alarms are not held back for it: the records count as done, `lost` says why,
    and writing is tried again until it works.

    Parameters
    ----------
    path
        The journal.
    open_journal
        Makes the journal; another one for tests.
    """

    def __init__(self, path: Path, open_journal: Callable[[Path], Journal] = Journal) -> None:
        super().__init__(name="scribe", daemon=True)
        self.done = 0
        """Records that were taken and need not be waited for any more."""
        self.lost = ""
        """Why the journal cannot be written now; empty where it can."""
        self.slowest_s = 0.0
        """The longest time that one transaction took."""
        self._path = path
        self._open = open_journal
        self._given = 0
        self._waiting: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._journal: Journal | None = None
        self._finished = threading.Event()

    def put(self, record: Record) -> int:
        """Take a record; give its number: it has been written when `done` has come so far."""
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
                self.done += len(taken)
        finally:
            if self._journal is not None:
                self._journal.close()
            self._finished.set()

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
        began_s = time.monotonic()
        try:
            if self._journal is None:
                self._journal = self._open(self._path)
            self._journal.append(records)
        except JournalError as error:
            self.lost = str(error)
            if self._journal is not None:
                # A disk that came back may hold another file under this name.
                self._journal.close()
                self._journal = None
            return False
        self.lost = ""
        self.slowest_s = max(self.slowest_s, time.monotonic() - began_s)
        return True

    def stop(self, timeout_s: float = 10.0) -> None:
        """Write what waits and close the journal."""
        self._waiting.put(None)
        if self.is_alive():
            self.join(timeout_s)
