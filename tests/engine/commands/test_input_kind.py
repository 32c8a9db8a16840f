"""What kind of source reads an input."""

from __future__ import annotations

import contextlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.commands.input_kind import source_kind
from heartwire.engine.errors import SourceError

DICOM = bytes(128) + b"DICM" + bytes(10)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("IM000001", DICOM, "dicom"),
        ("a.DCM", b"", "dicom"),
        ("a.png", DICOM, "dicom"),
        ("a.MP4", b"", "video"),
        ("a.mjpg", b"", "video"),
        ("a.tiff", b"", "images"),
        ("nosuffix", bytes(4) + b"ftypisom", "video"),
        ("clip.bin", b"RIFF" + bytes(4) + b"AVI LIST", "video"),
        ("moves.png", b"\x89PNG\r\n\x1a\n" + bytes(25) + b"acTL", "video"),
    ],
)
def test_content_goes_before_the_suffix(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert source_kind(tmp_path / name) == kind


def test_an_image_is_known_under_any_name(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((8, 8), np.uint8))
    assert source_kind((tmp_path / "a.jpg").rename(tmp_path / "a.jfif")) == "images"


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    assert source_kind(tmp_path) == "images"
    (tmp_path / "IM0").write_bytes(DICOM)
    with pytest.raises(SourceError, match="holds DICOM files, no images: name the files"):
        source_kind(tmp_path)
    (tmp_path / "a.png").write_bytes(b"")
    assert source_kind(tmp_path) == "images"


def test_what_is_absent_or_nothing_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        source_kind(tmp_path / "absent.mp4")
    (tmp_path / "notes.txt").write_text("no picture at all")
    with pytest.raises(SourceError, match="neither DICOM"):
        source_kind(tmp_path / "notes.txt")


@given(content=st.binary(max_size=300))
def test_any_bytes_are_of_a_kind_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "file"
    path.write_bytes(content)
    with contextlib.suppress(SourceError):
        assert source_kind(path) in ("dicom", "video", "images")
