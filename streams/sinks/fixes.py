"""Catheter fixes as JSON lines: `STEM.fixes.jsonl`, a line a frame."""

from __future__ import annotations

import time
from typing import Any, ClassVar

import msgspec

from heartwire.engine.messages import CatheterFix, Device, Message, XrayFrame
from heartwire.engine.sink import OpenSink, Sink
from heartwire.engine.xray.age import age_ms
from heartwire.streams.sinks.lines import LineFiles, make_folder

_DECIMALS = 2


class FixLine(msgspec.Struct, kw_only=True):
    """A line. Positions are (x, y), x right, y down; px count from the centre of the top left pixel of the frame."""

    frame: int
    captured_ns: int
    age_ms: float
    spacing_plane: str
    devices: list[Device]


class FixesSink(Sink):
    """Writes the fixes of each X-ray stream into the folder `out`."""

    wants: ClassVar[tuple[type[Any], ...]] = (CatheterFix,)

    out: str

    def open(self) -> OpenSink:
        """Start writing."""
        return _Fixes(LineFiles(make_folder(self.out), "fixes.jsonl"))


class _Fixes:
    def __init__(self, files: LineFiles) -> None:
        self._files = files

    def write(self, message: Message) -> None:
        match message:
            case CatheterFix():
                line = FixLine(
                    frame=message.frame,
                    captured_ns=message.captured_ns,
                    age_ms=round(age_ms(message.trace, time.monotonic_ns()), 3),
                    spacing_plane=message.spacing_plane,
                    devices=[_rounded(device) for device in message.devices],
                )
                self._files.write(message.stream, line)
            case XrayFrame():
                self._files.begin(message.stream)

    def close(self) -> None:
        self._files.close()


def _rounded(device: Device) -> Device:
    """Write positions to a hundredth: more digits than that say nothing."""
    return msgspec.structs.replace(
        device,
        tip_px=_point(device.tip_px),
        tip_mm=_point(device.tip_mm),
        error_px=None if device.error_px is None else round(device.error_px, _DECIMALS),
        centreline_px=_points(device.centreline_px),
        electrodes_px=_points(device.electrodes_px),
    )


def _points(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(round(x, _DECIMALS), round(y, _DECIMALS)) for x, y in points]


def _point(point: tuple[float, float] | None) -> tuple[float, float] | None:
    return None if point is None else (round(point[0], _DECIMALS), round(point[1], _DECIMALS))
