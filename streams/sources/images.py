"""X-ray frames from images: a folder as one sequence in the order of its names, or a single image.

Of a TIFF every page is a frame, as is every picture of an animated WebP.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EndOfStream, Item, XrayFrame
from heartwire.engine.source import Dense, Source, captured_ns, invert
from heartwire.streams.sources.quiet import quiet

Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Grey, (height, width)."""
_Value = TypeVar("_Value")
_AS_GREY = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE
_PAGED = (".tif", ".tiff", ".webp")
_WHITE = 65535
_AT_ONCE_BYTES = 64 * 2**20
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".jp2", ".webp")


class ImagesSource(Source):
    """A folder of images, all of them frames of one sequence, or one image.

    Numbers in the names count as numbers: `frame2.png` comes before `frame10.png`.

    Parameters
    ----------
    path
        The folder or the image, 8 or 16 bit, or floats from 0 to 1 or 65535; colour is turned to grey.
    rate_hz
        Frames a second.
    spacing_mm
        Row and column spacing of the pixels, where known.
    dense
        What dense looks like; bright frames are inverted, so that darker is denser.
    """

    path: str
    rate_hz: float = 15.0
    spacing_mm: tuple[float, float] | None = None
    dense: Dense = "dark"

    def open(self) -> Iterator[Item]:
        """Open the sequence.

        Raises
        ------
        SourceError
            If there is no image, or one cannot be read.
        """
        return self._items(self._files())

    def length(self) -> int:
        """Give the number of images, pages counted."""
        return sum(map(pages_of, self._files()))

    def _files(self) -> list[Path]:
        path = Path(self.path)
        if not self.rate_hz > 0:
            msg = f"images {path}: rate_hz is {self.rate_hz:g}, it must be above 0"
            raise SourceError(msg)
        if path.is_file():
            return [path]
        if not path.is_dir():
            msg = f"images {path}: there is no such folder or file"
            raise SourceError(msg)
        # Hidden files are no frames: macOS lays one beside each file that it packs, with its suffix.
        shown = (file for file in path.iterdir() if not file.name.startswith("."))
        files = sorted((file for file in shown if file.suffix.lower() in SUFFIXES), key=_natural)
        if not files:
            msg = f"images {path}: the folder holds no image ({', '.join(SUFFIXES)})"
            raise SourceError(msg)
        return files

    def _items(self, files: list[Path]) -> Iterator[Item]:
        number = bits = 0
        for file in files:
            for pixels in pages(file):
                # What frames are inverted about must not flicker: the depth only grows.
                bits = max(bits, _bits(pixels))
                yield XrayFrame(
                    stream=self.stream,
                    frame=number,
                    pixels=invert(pixels, bits) if self.dense == "bright" else pixels,
                    bits=bits,
                    rate_hz=self.rate_hz,
                    spacing_mm=self.spacing_mm,
                    captured_ns=captured_ns(number, self.rate_hz),
                )
                number += 1
        yield EndOfStream(stream=self.stream, offered=number)


def pages_of(file: Path) -> int:
    """Give how many images a file holds: TIFF and WebP may hold many. One that cannot be read counts as one."""
    if file.suffix.lower() not in _PAGED:
        return 1
    with quiet():
        return max(1, cv2.imcount(str(file), _AS_GREY))


def pages(file: Path) -> Iterator[Pixels]:
    """Read the images of a file one after the other, as grey, (height, width) uint8 or uint16.

    Raises
    ------
    SourceError
        If one cannot be read, or holds numbers that are no grey of 16 bits.
    """
    count = pages_of(file)
    if count > 1 and file.suffix.lower() == ".webp":
        for picture in _read(file, lambda: cv2.imreadanimation(str(file))[1].frames):
            yield cv2.cvtColor(picture, cv2.COLOR_BGRA2GRAY)
        return
    first = as_grey(file, _read(file, lambda: cv2.imdecode(np.fromfile(file, np.uint8), _AS_GREY)))
    yield first
    # To find a page OpenCV goes through all before it: several at once, as many as memory holds with ease.
    at_once = min(64, max(1, _AT_ONCE_BYTES // first.nbytes))
    for begin in range(1, count, at_once):
        for pixels in _read(file, functools.partial(_group, file, begin, min(at_once, count - begin))):
            yield as_grey(file, pixels)


def _group(file: Path, begin: int, count: int) -> Sequence[npt.NDArray[Any]] | None:
    _, group = cv2.imreadmulti(str(file), begin, count, flags=_AS_GREY)
    return group if len(group) == count else None


def _read(file: Path, step: Callable[[], _Value | None]) -> _Value:
    try:
        with quiet():
            value = step()
    except (OSError, ValueError, cv2.error):
        value = None
    if value is None:
        msg = f"image {file} cannot be read: it is damaged, cut short or no image that OpenCV reads"
        raise SourceError(msg)
    return value


def as_grey(file: Path, pixels: npt.NDArray[Any]) -> Pixels:
    """Bring pixels of any type to unsigned ones of 8 or 16 bits.

    Other types are rounded and hold 0 to 65535; floats that do not go beyond 1 are shares of full white.

    Raises
    ------
    SourceError
        If they hold anything else.
    """
    if pixels.dtype in (np.uint8, np.uint16):
        grey: Pixels = pixels
        return grey
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= 0.0 and high <= _WHITE):
        msg = (
            f"image {file} has pixels of type {pixels.dtype} from {low:g} to {high:g}: 0 to 1 or 0 to {_WHITE} are "
            "taken; scale all frames alike"
        )
        raise SourceError(msg)
    share = pixels.dtype.kind == "f" and high <= 1.0
    rounded: Pixels = np.rint(pixels * (_WHITE if share else 1)).astype(np.uint16)
    return rounded


def _bits(pixels: Pixels) -> int:
    """Give the bits in use: 8, or the depth that holds the brightest pixel."""
    return 8 if pixels.dtype == np.uint8 else max(8, int(pixels.max()).bit_length())


def _natural(file: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", file.name)]
