"""A file of JSON lines that only grows, until it is begun anew with what still counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")


class LineFile(Generic[T]):
    """What a process leaves for the one after it.

    Parameters
    ----------
    path
        The file.
    type_
        What a line holds.
    most
        Lines from which on the file begins anew.
    """

    def __init__(self, path: Path, type_: type[T], most: int) -> None:
        self._path = path
        self._type = type_
        self._most = most
        self._lines = most  # the file begins anew with the first that is added

    def read(self) -> Iterator[T]:
        """Give what a process before this one wrote; a line that is none, as one cut off, is left out."""
        with suppress(FileNotFoundError), self._path.open("rb") as file:
            for line in file:
                with suppress(msgspec.DecodeError):
                    yield msgspec.json.decode(line, type=self._type)

    def add(self, new: Sequence[T], whole: Sequence[T]) -> None:
        """Bring `new` to the disk, or, where the file is to begin anew, all that counts, `new` included.

        Raises
        ------
        OSError
            If the disk does not take it: the next call brings all that counts.
        """
        lines, self._lines = self._lines, self._most
        if lines + len(new) > self._most:
            fresh = self._path.with_suffix(".new")
            fresh.write_bytes(_encoded(whole))
            fresh.replace(self._path)
            self._lines = len(whole)
        else:
            with self._path.open("ab") as file:
                file.write(_encoded(new))
            self._lines = lines + len(new)


def _encoded(lines: Sequence[object]) -> bytes:
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
