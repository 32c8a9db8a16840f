"""Files of JSON lines, one file a stream, each line on disk as soon as it is written."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec

from heartwire.engine.errors import ConfigError
from heartwire.engine.sink import file_stem


def make_folder(path: str) -> Path:
    """Make a folder for results unless it is there.

    Raises
    ------
    ConfigError
        If it cannot be made.
    """
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"cannot make the folder {path} for results: {error.strerror}"
        raise ConfigError(msg) from error
    return folder


def set_aside(path: Path) -> None:
    """Give an older file that holds something the next free number: `a.warnings.jsonl` becomes `a.warnings.1.jsonl`."""
    if path.is_file() and path.stat().st_size:
        number = 1
        while (older := path.with_suffix(f".{number}{path.suffix}")).exists():
            number += 1
        path.rename(older)


class LineFiles:
    """The JSON lines files of a sink: `STEM.SUFFIX` for each stream.

    Parameters
    ----------
    folder
        Where they are written; an older file of the name is kept under a number.
    suffix
        What follows the stem, such as "fixes.jsonl".
    """

    def __init__(self, folder: Path, suffix: str) -> None:
        self._folder = folder
        self._suffix = suffix
        self._files: dict[str, BinaryIO] = {}
        self._encoder = msgspec.json.Encoder()

    def begin(self, stream: str) -> BinaryIO:
        """Start the file of a stream, empty, unless it is started."""
        if (file := self._files.get(stream)) is None:
            path = self._folder / f"{file_stem(stream)}.{self._suffix}"
            try:
                set_aside(path)
                file = self._files[stream] = path.open("wb")
            except OSError as error:
                msg = f"cannot write {path}: {error.strerror}"
                raise ConfigError(msg) from error
        return file

    def write(self, stream: str, line: msgspec.Struct) -> None:
        """Add a line to the file of a stream."""
        file = self.begin(stream)
        try:
            file.write(self._encoder.encode(line) + b"\n")
            file.flush()
        except OSError as error:
            msg = f"cannot write {file.name}: {error.strerror}"
            raise ConfigError(msg) from error

    def close(self) -> None:
        """Close all files."""
        for file in self._files.values():
            file.close()
        self._files.clear()
