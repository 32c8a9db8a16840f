"""Overlays as video: every frame with its own overlay, or none with the reason."""

from __future__ import annotations

import subprocess
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from heartwire.engine.messages import CatheterFix, Device, Message, Overlay, XrayFrame
from heartwire.engine.xray.age import judge
from heartwire.streams.sinks.overlay import OverlaySink

GREEN = (90, 220, 80)


def frame(k: int, *, dtype: type = np.uint8, shape: tuple[int, int] = (128, 160)) -> XrayFrame:
    pixels = np.full(shape, 100, dtype) * (dtype(1) if dtype is np.uint8 else dtype(40))
    pixels[:, k % shape[1]] = 0
    return XrayFrame(stream="lab/xray", frame=k, pixels=pixels, rate_hz=20.0)


def fix(k: int, *, state: str = "tracked") -> CatheterFix:
    device = Device(
        id=1, class_="catheter", state=state, visible=state == "tracked", confidence=0.9, tip_px=(80.0, 60.0),
        tip_mm=None, error_px=3.0, centreline_px=[(0.0, 60.0), (80.0, 60.0)],
    )  # fmt: skip
    return CatheterFix(stream="lab/xray", frame=k, captured_ns=0, devices=[device])


def overlay(k: int, age: float = 10.0) -> Overlay:
    return judge(fix(k), age, 500.0, None)


def is_drawn(image: np.ndarray) -> bool:
    """Whether the green centreline lies on the row where it belongs."""
    blue, green, red = (int(v) for v in image[60, 40])
    return green > blue + 40 and green > red + 40


def film(folder: Path, messages: list[Message]) -> list[np.ndarray]:
    sink = OverlaySink(out=str(folder)).open()
    for message in messages:
        sink.write(message)
    sink.close()
    capture = cv2.VideoCapture(str(folder / "lab-xray.overlay.mp4"), cv2.CAP_FFMPEG)
    images = []
    while (read := capture.read())[0]:
        images.append(read[1])
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(20.0)
    capture.release()
    return images


def test_every_frame_is_in_the_film_with_its_own_overlay_or_none(tmp_path: Path) -> None:
    messages: list[Message] = []
    for k in range(8):
        messages.append(frame(k))
        if k not in (2, 5):
            messages += [fix(k), overlay(k, age=900.0 if k == 6 else 10.0)]
    images = film(tmp_path, messages)
    assert [is_drawn(image) for image in images] == [True, True, False, True, True, False, False, True]


def test_answers_that_overtake_their_frames_are_drawn_on_the_right_ones(tmp_path: Path) -> None:
    messages: list[Message] = [frame(0), fix(0), overlay(0), fix(2), overlay(2), frame(1), frame(2), frame(3)]
    assert [is_drawn(image) for image in film(tmp_path, messages)] == [True, False, True, False]


@pytest.mark.parametrize("shape", [(128, 160), (127, 161)])
def test_the_film_is_one_that_browsers_play(tmp_path: Path, shape: tuple[int, int]) -> None:
    film(tmp_path, [frame(k, shape=shape) for k in range(3)])
    told = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(tmp_path / "lab-xray.overlay.mp4")],
        capture_output=True, text=True, check=False,
    ).stderr  # fmt: skip
    assert "h264" in told
    assert "yuv420p" in told
    assert "160x128" in told or "162x128" in told
