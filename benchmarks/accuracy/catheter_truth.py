"""What is truly in a frame: recorded frames with hand-made tips and centrelines, and the simulator's own truth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.detection import Point
from heartwire.streams.simulators.truth import FrameTruth

Array = npt.NDArray[np.float32]

_LEAST_OPACITY = 0.3


@dataclass(frozen=True)
class TrueDevice:
    """A device: its tip, None where it is not to be seen, and points about every px along what is to be seen of it."""

    tip_px: Point | None
    line_px: Array


@dataclass(frozen=True)
class RecordedFrame:
    """An annotated frame of a recording; `origin` names the collection that it comes from."""

    name: str
    origin: str
    frame: XrayFrame
    devices: Sequence[TrueDevice]


class _Annotated(msgspec.Struct):
    tip: Point | None
    polyline: list[Point]


class _Record(msgspec.Struct):
    dataset: str
    file: str
    devices: list[_Annotated]


class _Annotations(msgspec.Struct):
    records: list[_Record]


def dense(line: Sequence[Point]) -> Array:
    """Put points every px or so along a polyline, (n, 2)."""
    points = np.array(line, np.float32).reshape(-1, 2)
    if len(points) < 2:
        return points
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    fine = np.linspace(0.0, along[-1], max(2, int(along[-1]) + 1))
    return np.stack([np.interp(fine, along, points[:, k]) for k in range(2)], axis=1).astype(np.float32)


def read_recorded(folder: Path) -> Iterator[RecordedFrame]:
    """Read `annotations.json` and the frames that it names.

    Raises
    ------
    SourceError
        If annotations or a frame cannot be read.
    """
    path = folder / "annotations.json"
    try:
        annotations = msgspec.json.decode(path.read_bytes(), type=_Annotations)
    except (OSError, msgspec.DecodeError) as error:
        msg = f"annotations {path} cannot be read: {error}"
        raise SourceError(msg) from None
    for record in annotations.records:
        image = cv2.imread(str(folder / record.file), cv2.IMREAD_GRAYSCALE)
        if image is None:
            msg = f"frame {folder / record.file} cannot be read"
            raise SourceError(msg)
        frame = XrayFrame(stream="evaluation", frame=0, pixels=np.asarray(image, np.uint8))
        devices = [TrueDevice(device.tip, dense(device.polyline)) for device in record.devices]
        yield RecordedFrame(Path(record.file).stem, record.dataset, frame, devices)


def simulated_truth(truth: FrameTruth, shape: tuple[int, ...]) -> list[TrueDevice]:
    """Give what is to be seen of simulated devices in a frame of `shape` (height, width)."""
    devices = []
    for device in truth.devices:
        line = np.asarray(device.centreline_px, np.float32)
        inside = (line >= 0.0).all(axis=1) & (line[:, 0] <= shape[1] - 1) & (line[:, 1] <= shape[0] - 1)
        seen = line[inside & (device.opacity >= _LEAST_OPACITY)]
        if len(seen):
            devices.append(TrueDevice(device.tip_px if device.visible else None, seen))
    return devices
