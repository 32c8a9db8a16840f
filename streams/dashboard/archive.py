"""The recordings, trends and rhythms of all beds, and the thread that brings them to the disk."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from pathlib import Path

from heartwire.streams.dashboard.last_rhythm import LastRhythm
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
    epoch
        The run.
    """

    def __init__(self, folder: Path, streams: Iterable[str], keep_h: float, refusals: Refusals, epoch: int) -> None:
        super().__init__(name="archive", daemon=True)
        files = {stream: folder / stream.replace("/", "-") for stream in streams}
        self.recordings = {stream: Recording(file, keep_h) for stream, file in files.items()}
        self.trends = {stream: Trends(file.with_name(f"{file.name}.trends")) for stream, file in files.items()}
        self.rhythms = {s: LastRhythm(file.with_name(f"{file.name}.rhythm"), epoch) for s, file in files.items()}
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
                self.rhythms[stream].write()
            except OSError as error:
                self._refusals.add("a recording by the disk", f"{stream}: {error.strerror}")

    def stop(self) -> None:
        """Stop, when all is written."""
        self._stop_asked.set()
        if self.is_alive():
            self.join()
            self._write(last=True)
