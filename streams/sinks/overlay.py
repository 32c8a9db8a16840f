"""Overlays as video: `STEM.overlay.mp4`, H.264 that browsers play, every frame with its own overlay or none."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any, ClassVar

import cv2
import imageio_ffmpeg
import msgspec

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import CatheterFix, Message, Overlay, XrayFrame
from heartwire.engine.sink import OpenSink, Sink, file_stem
from heartwire.engine.xray.overlay import Image, draw
from heartwire.streams.sinks.lines import make_folder

_DEFAULT_RATE_HZ = 15.0
_WAITING_FRAMES = 64
_ENCODING = ["-preset", "veryfast", "-crf", "20", "-movflags", "+faststart", "-threads", "1"]


class OverlaySink(Sink):
    """Writes the overlay video of each X-ray stream into the folder `out`."""

    wants: ClassVar[tuple[type[Any], ...]] = (XrayFrame, CatheterFix, Overlay)

    out: str

    def open(self) -> OpenSink:
        """Start writing."""
        return _Overlays(make_folder(self.out))


class _Video:
    """An MP4 file of one size and rate."""

    def __init__(self, path: Path, image: Image, rate_hz: float) -> None:
        # The pixel format of browsers halves the colour's resolution: both sides must be even.
        self._size = (image.shape[1] + image.shape[1] % 2, image.shape[0] + image.shape[0] % 2)
        self._path = path
        try:
            path.write_bytes(b"")
        except OSError as error:
            msg = f"cannot write {path}: {error.strerror}"
            raise ConfigError(msg) from error
        self._writer: Generator[None, Any, None] = imageio_ffmpeg.write_frames(
            str(path),
            self._size,
            pix_fmt_in="bgr24",
            pix_fmt_out="yuv420p",
            fps=rate_hz or _DEFAULT_RATE_HZ,
            codec="libx264",
            quality=None,
            macro_block_size=2,
            ffmpeg_log_level="quiet",
            output_params=_ENCODING,
        )
        self._writer.send(None)

    def add(self, image: Image) -> None:
        """Add an image; one of another size is scaled."""
        height, width = image.shape[:2]
        right, bottom = self._size[0] - width, self._size[1] - height
        if (right, bottom) != (0, 0):
            if right in (0, 1) and bottom in (0, 1):
                image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
            else:
                image = cv2.resize(image, self._size, interpolation=cv2.INTER_AREA)
        try:
            self._writer.send(image.tobytes())
        except OSError as error:
            msg = f"cannot write {self._path}: its encoder ended: the disk may be full"
            raise ConfigError(msg) from error

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()


class _Stream(msgspec.Struct):
    """Frames that wait for their answer, answers that wait for their frame."""

    video: _Video | None = None
    answered: int = -1
    frames: dict[int, XrayFrame] = {}
    fixes: dict[int, CatheterFix] = {}
    overlays: dict[int, Overlay] = {}


class _Overlays:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._streams: dict[str, _Stream] = {}

    def write(self, message: Message) -> None:
        if not isinstance(message, XrayFrame | CatheterFix | Overlay):
            return
        stream = self._streams.setdefault(message.stream, _Stream())
        match message:
            case XrayFrame():
                stream.frames[message.frame] = message
            case CatheterFix():
                stream.fixes[message.frame] = message
            case Overlay():
                stream.overlays[message.frame] = message
                stream.answered = max(stream.answered, message.frame)
        self._advance(stream)

    def _advance(self, stream: _Stream, *, ended: bool = False) -> None:
        """Write the frames that have their answer, and those for which none can come any more."""
        while stream.frames:
            number = next(iter(stream.frames))
            if number > stream.answered and len(stream.frames) <= _WAITING_FRAMES and not ended:
                return
            frame = stream.frames.pop(number)
            image = draw(frame, stream.fixes.pop(number, None), stream.overlays.pop(number, None))
            if stream.video is None:
                path = self._folder / f"{file_stem(frame.stream)}.overlay.mp4"
                stream.video = _Video(path, image, frame.rate_hz)
            stream.video.add(image)

    def close(self) -> None:
        for stream in self._streams.values():
            self._advance(stream, ended=True)
            if stream.video:
                stream.video.close()
        self._streams.clear()
