"""Catheters in the recorded backgrounds: where they lie in `recorded_devices.csv`, as masks.

In most frames lines were proposed by the device network of version 5 and taken or thrown out by eye; in 82 in which it
missed a device, points were set by hand and joined along what is darkest. Five whose leads and loops could not be told
apart are not in the table. What is *unclear* (pacing leads, wires, catheters full of contrast) is neither device nor
background.
"""

from __future__ import annotations

import csv
import functools
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from heartwire.models.xray.curves import Array
from heartwire.models.xray.strokes import Mask

_TABLE = Path(__file__).with_name("recorded_devices.csv")
_REACH_PX = 15
_DOUBTFUL_PX = 23
_CORE_PX = 3
_END_PX = 16
_EDGE_SHARE = 0.5


class Line(NamedTuple):
    """One line of a frame, from its proximal to its distal end."""

    device: bool
    """False: unclear."""
    points_px: Array
    """(n, 2), in the frame of 512 x 512 px."""


@functools.cache
def lines_of(image: str) -> tuple[Line, ...] | None:
    """Give the lines of a frame by its name in the table; None for a frame that is not in it."""
    return _table().get(image)


@functools.cache
def _table() -> dict[str, tuple[Line, ...]]:
    found: dict[str, tuple[Line, ...]] = {}
    with _TABLE.open(newline="") as rows:
        for row in csv.DictReader(rows):
            points = np.array(row["line_px"].split(), np.float32).reshape(-1, 2)
            found[row["image"]] = (*found.get(row["image"], ()), Line(row["what"] == "device", points))
    return found


def masks(lines: tuple[Line, ...], depth: Array) -> tuple[Mask, Mask]:
    """Give where the devices are and where nothing can be said: about them, about their tips and what is unclear.

    Parameters
    ----------
    depth : (h, w)
        Of the frame's dark lines: a device is as wide as it is half as dark as along its middle.
    """
    body, doubtful = np.zeros((2, *depth.shape), np.uint8)
    for line in lines:
        path = [np.rint(line.points_px).astype(np.int32)]
        cv2.polylines(doubtful, path, False, 1, _DOUBTFUL_PX)
        if not line.device:
            continue
        core, reach = np.zeros((2, *depth.shape), np.uint8)
        cv2.polylines(core, path, False, 1, _CORE_PX)
        cv2.polylines(reach, path, False, 1, _REACH_PX)
        dark = depth > _EDGE_SHARE * np.median(depth[core > 0])
        body |= core | (reach & dark)
    for line in lines:
        x, y = np.rint(line.points_px[-1]).astype(int).tolist()
        cv2.circle(doubtful, (x, y), _END_PX, 1, -1)
        cv2.circle(body, (x, y), _END_PX, 0, -1)
    doubtful[body > 0] = 0
    return body, doubtful
