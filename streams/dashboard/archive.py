"""The recordings and trends of all beds, and the thread that brings them to the disk."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from heartwire.streams.dashboard.recording import Recording
from heartwire.streams.dashboard.refusals import Refusals
from heartwire.streams.dashboard.trends import Trends

_EVERY_S = 1.0


class Archive(threading.Thread):
    """Writes once a second, so that a slow disk holds up nobody.

    Parameters
    ----------
    folder
        Where the recordings are.
    streams
        Ids of the beds.
    keep_h
        How much of each is kept.
    refusals
        Counts what the disk did not take.
    """

    def __init__(self, folder: Path, streams: Iterable[str], keep_h: float, refusals: Refusals) -> None:
        super().__init__(name="archive", daemon=True)
        self.recordings = {stream: Recording(folder / stream.replace("/", "-"), keep_h) for stream in streams}
        self.trends = {stream: Trends(folder / f"{stream.replace('/', '-')}.trends") for stream in self.recordings}
        self._refusals = refusals
        self._stop_asked = threading.Event()

    def run(self) -> None:
        """Write until told to stop."""
        while not self._stop_asked.wait(_EVERY_S):
            self._write(last=False)

    def _write(self, last: bool) -> None:
        for stream, recording in self.recordings.items():
            try:
                recording.write()
                self.trends[stream].write(last)
            except OSError as error:
                self._refusals.add("a recording by the disk", f"{stream}: {error.strerror}")

    def stop(self) -> None:
        """Stop, when all is written."""
        self._stop_asked.set()
        if self.is_alive():
            self.join()
            self._write(last=True)
