"""What kind of source reads a file or folder: told by what it holds, then by its suffix."""

from __future__ import annotations

from pathlib import Path

import cv2

from heartwire.engine.errors import SourceError

_IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".jp2", ".webp"}
_VIDEOS = {
    ".mp4", ".m4v", ".mov", ".qt", ".avi", ".divx", ".mkv", ".webm", ".mpg", ".mpeg", ".m1v", ".m2v", ".wmv", ".asf",
    ".gif", ".apng", ".ogv", ".ogg", ".flv", ".f4v", ".3gp", ".ts", ".mts", ".m2ts", ".vob", ".mxf", ".dv", ".y4m",
    ".nut", ".mjpeg", ".mjpg", ".h264", ".264", ".hevc", ".h265", ".265",
}  # fmt: skip
_DICOM = {".dcm", ".dicom", ".ima"}
_BEGINNING = 4096
_DICOM_AT, _DICOM_MARK = 128, b"DICM"
_ANIMATED_PNG = b"acTL"
"""The chunk by which a PNG says so, before its pixels."""
_VIDEO_MARKS = (
    (4, b"ftyp"), (8, b"AVI "), (0, b"\x1aE\xdf\xa3"), (0, b"OggS"), (0, b"FLV"), (0, b"\x30\x26\xb2\x75"),
    (0, b"\x00\x00\x01\xba"), (0, b"\x00\x00\x01\xb3"), (0, b"\x00\x00\x00\x01"), (0, b"GIF8"), (0, b"YUV4MPEG2"),
)  # fmt: skip
"""Where which bytes stand in MP4 and QuickTime, AVI, Matroska, Ogg, Flash, Windows Media, MPEG, H.264, GIF and Y4M."""


def source_kind(path: Path) -> str:
    """Tell the kind of source for an input.

    Raises
    ------
    SourceError
        If there is no such file or folder, or it is of no kind that is known.
    """
    suffix = path.suffix.lower()
    if path.is_dir():
        return _of_folder(path)
    beginning = _beginning(path)
    if suffix in _DICOM or beginning[_DICOM_AT:].startswith(_DICOM_MARK):
        return "dicom"
    if suffix in _VIDEOS or (beginning.startswith(b"\x89PNG") and _ANIMATED_PNG in beginning):
        return "video"
    if suffix in _IMAGES or cv2.haveImageReader(str(path)):
        return "images"
    if any(beginning[at:].startswith(mark) for at, mark in _VIDEO_MARKS):
        return "video"
    msg = f"{path}: neither DICOM nor a video, an image or a folder of images"
    raise SourceError(msg)


def _of_folder(path: Path) -> str:
    """Take a folder for images, unless it holds something else that would have to be named itself."""
    try:
        inside = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise SourceError(msg) from None
    suffixes = {file.suffix.lower() for file in inside}
    if inside and not suffixes & _IMAGES:
        try:
            kind = source_kind(inside[0])
        except SourceError:
            return "images"
        if kind != "images":
            what = "DICOM files" if kind == "dicom" else "videos"
            msg = f"{path}: the folder holds {what}, no images: name the files themselves ({path}/*)"
            raise SourceError(msg)
    return "images"


def _beginning(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_BEGINNING)
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise SourceError(msg) from None
