"""Interlaced video, as analogue capture gives it: OpenCV's converter declines it and leaves stripes in its place."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator

import cv2
import imageio_ffmpeg
import numpy as np
import numpy.typing as npt

from heartwire.streams.sources.quiet import redirected

_COMPLAINT = b"Cannot convert interlaced"


class Reader:
    """Reads the pictures of a capture, and notices those that were not converted."""

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        self._complaints = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the reader

    def read(self) -> tuple[npt.NDArray[np.uint8] | None, bool]:
        """Give the next picture, None at the end, and whether it is none as it is interlaced."""
        file = self._complaints.fileno()
        with redirected(file):
            arrived, image = self._capture.read()
        if not arrived:
            return None, False
        declined = False
        if os.fstat(file).st_size:
            self._complaints.seek(0)
            declined = _COMPLAINT in self._complaints.read()
            self._complaints.seek(0)
            self._complaints.truncate()
        return np.asarray(image, np.uint8), declined

    def close(self) -> None:
        """Let go of the capture."""
        self._capture.release()
        self._complaints.close()


def woven(path: str, shape: tuple[int, int], skip: int) -> Iterator[npt.NDArray[np.uint8]]:
    """Give the pictures (height, width) of a video from number `skip` on, their fields woven, through FFmpeg itself."""
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(), "-v", "quiet", "-nostdin", "-i", path, "-map", "0:v:0",
        "-fps_mode", "passthrough", "-vf", f"setfield=prog,select=gte(n\\,{skip}),format=gray", "-f", "rawvideo", "-",
    ]  # fmt: skip
    size = shape[0] * shape[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as decoder:
        assert decoder.stdout is not None
        try:
            while len(raw := decoder.stdout.read(size)) == size:
                yield np.frombuffer(raw, np.uint8).reshape(shape).copy()
        finally:
            decoder.kill()
