"""Brings the states of streams to the disk beside the work: a file system that is busy holds up no stream."""

from __future__ import annotations

import os
import threading
from collections import deque
from pathlib import Path


class Saver(threading.Thread):
    """Takes states and writes them, of each file the newest: whole, or the one before stays.

    `failed` has what the disk did not take, in words, for whoever owns the thread to tell.
    """

    def __init__(self) -> None:
        super().__init__(name="saver", daemon=True)
        self.failed: deque[str] = deque(maxlen=64)
        self._waiting: dict[Path, bytes] = {}
        self._change = threading.Condition()
        self._writing = False
        self._stopping = False

    def put(self, path: Path, state: bytes) -> None:
        """Take a state for a file."""
        with self._change:
            self._waiting[path] = state
            self._change.notify_all()

    def flush(self) -> None:
        """Wait until all that was put has been written, or refused."""
        with self._change:
            self._change.wait_for(lambda: not self._waiting and not self._writing)

    def run(self) -> None:
        """Write until told to stop."""
        while True:
            with self._change:
                self._writing = False
                self._change.notify_all()
                self._change.wait_for(lambda: self._waiting or self._stopping)
                if not self._waiting:
                    return
                path = next(iter(self._waiting))
                state = self._waiting.pop(path)
                self._writing = True
            try:
                _write(path, state)
            except OSError as error:
                # The run goes on; a restart would begin from the state before.
                self.failed.append(f"cannot save {path}: {error}")

    def stop(self) -> None:
        """Write what waits and end."""
        with self._change:
            self._stopping = True
            self._change.notify_all()
        if self.is_alive():
            self.join()


def _write(path: Path, state: bytes) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_bytes(state)
    os.replace(fresh, path)
