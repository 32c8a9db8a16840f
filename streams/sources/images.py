"""X-ray frames from images: a folder as one sequence in the order of its names, or a single image.

Of a TIFF every page is a frame.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EndOfStream, Item, XrayFrame
from heartwire.engine.source import Dense, Source, captured_ns, invert
from heartwire.streams.sources.quiet import quiet

Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
"""Grey, (height, width)."""
_AS_GREY = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE
_PAGED = (".tif", ".tiff")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".jp2", ".webp")


class ImagesSource(Source):
    """A folder of images, all of them frames of one sequence, or one image.

    Numbers in the names count as numbers: `frame2.png` comes before `frame10.png`.

    Parameters
    ----------
    path
        The folder or the image, 8 or 16 bit; colour is turned to grey.
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
        files = sorted((file for file in path.iterdir() if file.suffix.lower() in SUFFIXES), key=_natural)
        if not files:
            msg = f"images {path}: the folder holds no image ({', '.join(SUFFIXES)})"
            raise SourceError(msg)
        return files

    def _items(self, files: list[Path]) -> Iterator[Item]:
        number = 0
        for file in files:
            for page in range(pages_of(file)):
                pixels = read_image(file, page)
                bits = _bits(pixels)
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
    """Give how many images a file holds: TIFF may hold many. One that cannot be read counts as one."""
    if file.suffix.lower() not in _PAGED:
        return 1
    with quiet():
        return max(1, cv2.imcount(str(file), _AS_GREY))


def read_image(file: Path, page: int = 0) -> Pixels:
    """Read an image, of a TIFF one of its pages, as grey, (height, width) uint8 or uint16.

    Raises
    ------
    SourceError
        If it cannot be read, or is neither 8 nor 16 bit.
    """
    try:
        with quiet():
            if page:
                _, (pixels,) = cv2.imreadmulti(str(file), page, 1, flags=_AS_GREY)
            else:
                pixels = cv2.imdecode(np.fromfile(file, np.uint8), _AS_GREY)
    except (OSError, ValueError, cv2.error):
        pixels = None
    if pixels is None:
        msg = f"image {file} cannot be read: it is damaged, cut short or no image that OpenCV reads"
        raise SourceError(msg)
    if pixels.dtype not in (np.uint8, np.uint16):
        msg = f"image {file} has pixels of type {pixels.dtype}: 8 and 16 bit unsigned are taken"
        raise SourceError(msg)
    grey: Pixels = pixels
    return grey


def _bits(pixels: Pixels) -> int:
    """Give the bits in use: 8, or the depth that holds the brightest pixel, at least 10."""
    return 8 if pixels.dtype == np.uint8 else max(10, int(pixels.max()).bit_length())


def _natural(file: Path) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", file.name)]
