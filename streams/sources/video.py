"""X-ray frames from a video, through OpenCV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EndOfStream, Item, XrayFrame
from heartwire.engine.slots import Frame
from heartwire.engine.source import Dense, Source, captured_ns, frame_array, invert
from heartwire.streams.sources.clean import decodes_cleanly
from heartwire.streams.sources.frame_stamps import FrameStamps
from heartwire.streams.sources.interlaced import Reader, woven
from heartwire.streams.sources.quiet import quiet

_DEFAULT_RATE_HZ = 15.0
_COUNTED = (".mp4", ".mov", ".m4v", ".avi")
"""Containers that state a number of frames; in others it is guessed from the duration."""


class VideoSource(Source):
    """A video file; colour is turned to grey.

    Parameters
    ----------
    path
        The file.
    rate_hz
        Frames a second; 0: as the file says, or 15 where it does not.
    dense
        What dense looks like; bright frames are inverted, so that darker is denser.
    """

    path: str
    rate_hz: float = 0.0
    dense: Dense = "dark"

    def open(self) -> Iterator[Item]:
        """Open the video.

        Raises
        ------
        SourceError
            If the file is absent, is no video, or is cut short.
        """
        return self._items(self._capture())

    def length(self) -> int | None:
        """Give the number of frames that the file states; None where it states none."""
        capture = self._capture()
        count = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        capture.release()
        return count if count > 0 else None

    def _capture(self) -> cv2.VideoCapture:
        if not Path(self.path).is_file():
            msg = f"video {self.path}: there is no such file"
            raise SourceError(msg)
        with quiet():
            capture = cv2.VideoCapture(self.path, cv2.CAP_FFMPEG)
        if not capture.isOpened():
            msg = f"video {self.path} cannot be opened: it is damaged, cut short or no video that FFmpeg reads"
            raise SourceError(msg)
        return capture

    def _items(self, capture: cv2.VideoCapture) -> Iterator[Item]:
        stated_hz = float(capture.get(cv2.CAP_PROP_FPS))
        usable = math.isfinite(stated_hz) and 0 < stated_hz <= 1000
        rate_hz = self.rate_hz or (stated_hz if usable else _DEFAULT_RATE_HZ)
        stated = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        stamps = FrameStamps(rate_hz)
        number, regular = 0, True
        for pixels in self._pictures(capture):
            stamp_s = 1e-3 * capture.get(cv2.CAP_PROP_POS_MSEC) if capture.isOpened() and not self.rate_hz else 0.0
            at_s, step_hz = stamps.next(stamp_s)
            regular = regular and step_hz == rate_hz
            if self.dense == "bright":
                invert(pixels, 8)
            yield XrayFrame(
                stream=self.stream,
                frame=number,
                pixels=pixels,
                rate_hz=step_hz,
                captured_ns=captured_ns(number, rate_hz) if regular else round(at_s * 1e9),
            )
            number += 1
        fewer = number < stated and Path(self.path).suffix.lower() in _COUNTED
        if number == 0 or (fewer and not decodes_cleanly(self.path)):
            msg = f"video {self.path} is damaged or cut short: {number} of {stated} frames can be decoded"
            raise SourceError(msg)
        yield EndOfStream(stream=self.stream, offered=number)

    def _pictures(self, capture: cv2.VideoCapture) -> Iterator[Frame]:
        """Give the pictures in grey."""
        reader, number = Reader(capture), 0
        try:
            while True:
                image, declined = reader.read()
                if image is None:
                    return
                if declined:
                    break
                pixels: Frame = image
                if image.ndim != 2:
                    pixels = frame_array(self.stream, image.shape[:2], np.uint8)
                    cv2.cvtColor(image, cv2.COLOR_BGR2GRAY, dst=pixels)
                yield pixels
                number += 1
        finally:
            reader.close()
        yield from woven(self.path, image.shape[:2], number)
