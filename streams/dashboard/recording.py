"""Full disclosure: the last hours of each bed on the disk, read back by time.

A recording is a row of files in a folder of its own, each at most ten minutes of one set of leads at one rate: a line
of JSON, then int16 samples in uV, sample by sample. Times are ms since 1970 (UTC).
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.streams.dashboard.marks import Marks
from heartwire.streams.dashboard.records import INVALID_UV

_FILE_S = 600.0
_LONGEST_GAP_S = 30.0
"""What is missing is written as invalid up to this; after a longer gap another file begins."""
_MOST_WAITING = 4096


class PieceHead(msgspec.Struct, kw_only=True):
    """What is known about a piece: samples `first_sample` on, the first at `start_ms`."""

    first_sample: int
    rate_hz: float
    leads: tuple[str, ...]
    start_ms: float


class Piece(msgspec.Struct):
    """A piece of a recording: its head and its samples, (n_samples, n_leads) int16 in uV."""

    head: PieceHead
    samples_uv: npt.NDArray[np.int16]


class _File:
    """One file of a recording."""

    def __init__(self, path: Path, head: PieceHead, offset: int, count: int = 0) -> None:
        self.path, self.head, self.offset, self.count = path, head, offset, count

    @property
    def end_sample(self) -> int:
        return self.head.first_sample + self.count

    def ms(self, sample: int) -> float:
        return self.head.start_ms + (sample - self.head.first_sample) / self.head.rate_hz * 1000

    @property
    def end_ms(self) -> float:
        return self.ms(self.end_sample)

    def follows(self, piece: Piece) -> bool:
        """Tell whether a piece can be added here."""
        head, mine = piece.head, self.head
        missing = head.first_sample - self.end_sample
        return (
            (head.leads, head.rate_hz) == (mine.leads, mine.rate_hz)
            and 0 <= missing <= _LONGEST_GAP_S * mine.rate_hz
            and self.count < _FILE_S * mine.rate_hz
        )

    def append(self, pieces: list[Piece]) -> None:
        with self.path.open("ab") as file:
            for piece in pieces:
                missing = piece.head.first_sample - self.end_sample
                if missing:
                    file.write(np.full((missing, len(self.head.leads)), INVALID_UV, "<i2").tobytes())
                file.write(piece.samples_uv.tobytes())
                self.count += missing + len(piece.samples_uv)

    def read(self, from_ms: float, to_ms: float) -> Piece | None:
        rate_hz, n_leads = self.head.rate_hz, len(self.head.leads)
        first = max(0, round((from_ms - self.head.start_ms) * rate_hz / 1000))
        end = min(self.count, round((to_ms - self.head.start_ms) * rate_hz / 1000))
        if first >= end:
            return None
        with self.path.open("rb") as file:
            file.seek(self.offset + first * n_leads * 2)
            samples = np.frombuffer(file.read((end - first) * n_leads * 2), "<i2").reshape(-1, n_leads)
        start = self.head.first_sample + first
        head = msgspec.structs.replace(self.head, first_sample=start, start_ms=self.ms(start))
        return Piece(head, samples)


class Recording:
    """The recording of one bed. `add` only takes note; `write` does the work, in a thread.

    Parameters
    ----------
    folder
        Where its files are, and the marks beside it; what is there already is taken over.
    keep_h
        How much is kept.
    """

    def __init__(self, folder: Path, keep_h: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._keep_ms = keep_h * 3_600_000
        self._waiting: deque[Piece] = deque(maxlen=_MOST_WAITING)
        self._lock = threading.Lock()
        self._files = sorted(_found(folder), key=lambda file: file.head.start_ms)
        self.marks = Marks(folder.with_name(f"{folder.name}.marks"))

    def add(self, piece: Piece) -> None:
        """Take the next samples."""
        self._waiting.append(piece)

    def write(self) -> None:
        """Bring what waits to the disk, and remove what is too old.

        Raises
        ------
        OSError
            If the disk does not take it; it is lost then.
        """
        with self._lock:
            self.marks.write()
            pieces = [self._waiting.popleft() for _ in range(len(self._waiting))]
            while pieces:
                if not self._files or not self._files[-1].follows(pieces[0]):
                    self._files.append(_begun(self._folder, pieces[0].head))
                file, taken = self._files[-1], [pieces.pop(0)]
                end = taken[0].head.first_sample + len(taken[0].samples_uv)
                while pieces and pieces[0].head.first_sample == end and pieces[0].head.leads == file.head.leads:
                    end += len(pieces[0].samples_uv)
                    taken.append(pieces.pop(0))
                file.append(taken)
            while self._files and self._files[0].end_ms < self._files[-1].end_ms - self._keep_ms:
                self._files.pop(0).path.unlink(missing_ok=True)

    def span_ms(self) -> tuple[float, float] | None:
        """Give from when to when there is something, None where there is nothing yet."""
        with self._lock:
            return (self._files[0].head.start_ms, self._files[-1].end_ms) if self._files else None

    @property
    def leads(self) -> tuple[str, ...]:
        """The leads recorded last, none where there is nothing yet. Does not wait for the disk."""
        return self._files[-1].head.leads if self._files else ()

    def read(self, from_ms: float, to_ms: float) -> list[Piece]:
        """Give what there is between two times, in order.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        self.write()
        with self._lock:
            found = [f.read(from_ms, to_ms) for f in self._files if f.head.start_ms < to_ms and f.end_ms > from_ms]
        return [piece for piece in found if piece is not None]


def _begun(folder: Path, head: PieceHead) -> _File:
    path = folder / f"{head.start_ms:.0f}-{head.first_sample}"
    line = msgspec.json.encode(head) + b"\n"
    path.write_bytes(line)
    return _File(path, head, len(line))


def _found(folder: Path) -> Iterator[_File]:
    """Give the files that a recording had before this process; what is none is left alone.

    A sample of which a killed process wrote a part is taken away: what is added next must begin where one begins.
    """
    for path in folder.iterdir():
        with suppress(msgspec.DecodeError, OSError), path.open("rb") as file:
            line = file.readline(65_536)
            head = msgspec.json.decode(line, type=PieceHead)
            sample_bytes = 2 * len(head.leads)
            count = (path.stat().st_size - len(line)) // sample_bytes
            os.truncate(path, len(line) + count * sample_bytes)
            yield _File(path, head, len(line), count)
