"""Pictures of the worst frames of each kind, for the reader's own folder: true devices green, reported ones red."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from heartwire.benchmarks.accuracy.catheter_score import Reported
from heartwire.benchmarks.accuracy.catheter_truth import Array, TrueDevice
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.overlay import Image, displayed

KEPT = 10
_TRUE, _REPORTED, _TEXT = (90, 220, 80), (70, 70, 255), (255, 255, 255)


class Worst:
    """Keeps the ten worst frames of each kind."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[float, int, str, Image]]] = {}
        self._number = count()

    def add(
        self,
        kind: str,
        badness: float,
        name: str,
        frame: XrayFrame,
        *,
        truth: Sequence[TrueDevice] = (),
        reported: Sequence[Reported] = (),
    ) -> None:
        """Keep a frame if it is among the worst; the badness (an error in px, a number of devices) is written on it."""
        heap = self._kept.setdefault(kind, [])
        if len(heap) < KEPT or badness > heap[0][0]:
            image = draw(frame, truth, reported, f"{name}: {badness:.1f}")
            heapq.heappush(heap, (badness, -next(self._number), name, image))
            if len(heap) > KEPT:
                heapq.heappop(heap)

    def write(self, folder: Path) -> dict[str, list[str]]:
        """Write the pictures of each kind, the worst first; gives their paths below the folder."""
        written: dict[str, list[str]] = {}
        for kind, heap in self._kept.items():
            for place, (_, _, name, image) in enumerate(sorted(heap, reverse=True, key=lambda each: each[:2])):
                path = Path("worst") / _word(kind) / f"{place + 1:02d}_{_word(name)}.png"
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(folder / path), image)
                written.setdefault(kind, []).append(str(path))
        return written


def draw(frame: XrayFrame, truth: Sequence[TrueDevice], reported: Sequence[Reported], title: str) -> Image:
    """Draw true and reported lines and tips on a frame."""
    image = displayed(frame)
    for device in truth:
        _trace(image, device.line_px, device.tip_px, _TRUE)
    for told in reported:
        _trace(image, told.line_px, told.tip_px, _REPORTED)
    cv2.putText(image, title, (8, image.shape[0] - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _TEXT, 1, cv2.LINE_AA)
    return image


def _trace(image: Image, line: Array, tip: Point | None, colour: tuple[int, int, int]) -> None:
    points: Any = np.rint(line).astype(np.int32)[None]
    if len(line) > 1:
        cv2.polylines(image, points, isClosed=False, color=colour, thickness=1, lineType=cv2.LINE_AA)
    if tip is not None:
        cv2.circle(image, (round(tip[0]), round(tip[1])), 6, colour, 1, cv2.LINE_AA)


def _word(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "_", name).strip("_")
