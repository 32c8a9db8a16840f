"""The rhythm that a bed is in, kept for the dashboard that takes this one's place: it is told when it changes, only."""

from __future__ import annotations

from pathlib import Path

from heartwire.engine.messages import Rhythm
from heartwire.streams.dashboard.line_file import LineFile

_MOST_LINES = 1000


class LastRhythm:
    """The last rhythm of one bed. `take` only takes note; `write` does the work, in a thread.

    Parameters
    ----------
    path
        File in which it outlives this process; None keeps it in memory alone.
    epoch
        The run: what another one left is not taken over, for its patient may be another.
    """

    def __init__(self, path: Path | None = None, epoch: int = 0) -> None:
        self._file = LineFile(path, tuple[int, Rhythm], _MOST_LINES) if path else None
        self._epoch = epoch
        self.known: Rhythm | None = None
        for of_run, rhythm in self._file.read() if self._file else ():
            self.known = rhythm if of_run == epoch else None
        self._written = self.known

    def take(self, rhythm: Rhythm) -> None:
        """Take another rhythm."""
        self.known = rhythm

    def write(self) -> None:
        """Bring it to the disk.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        rhythm = self.known
        if self._file is None or rhythm is None or rhythm is self._written:
            return
        line = (self._epoch, rhythm)
        self._file.add([line], [line])
        self._written = rhythm
