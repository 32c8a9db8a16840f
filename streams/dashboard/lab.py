"""One fluoroscopy stream as the dashboard knows it: each frame with the overlay that belongs to it."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import CardiacPhase, CatheterFix, Device, Overlay, XrayFrame
from heartwire.engine.xray.age import is_shown
from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.status import StreamStatus
from heartwire.streams.dashboard.stream_view import StreamView

SIDE_PX = 640
"""Larger frames are made smaller for the page."""
_JPEG = (cv2.IMWRITE_JPEG_QUALITY, 75)
_MOST_FRAMES = 64
"""Frames that wait for their overlay at most."""
_RESTARTED_FRAMES = 64
"""A frame number that lies so far back is a stream that was started anew."""
_WINDOW_SPEED = 0.2


class LabView(StreamView):
    """An X-ray stream.

    A frame is shown when its overlay has come, or without one when none came within the age budget.
    """

    kind = "xray"

    def __init__(self, number: int, config: StreamConfig) -> None:
        super().__init__(number, config)
        self.shown = -1
        """Number of the frame to show, -1 before the first."""
        self._frames: dict[int, XrayFrame] = {}
        self._fixes: dict[int, CatheterFix] = {}
        self._picture: tuple[XrayFrame, CatheterFix | None, Overlay | None] | None = None
        self._rate_hz = 0.0
        self._window: npt.NDArray[np.float64] | None = None
        self._record = b""
        self._phase: tuple[CardiacPhase, float] | None = None

    def take(self, frame: XrayFrame, arrived_ns: int) -> None:
        """Keep a frame until its overlay comes."""
        self.arrived(arrived_ns)
        if frame.frame < self.shown - _RESTARTED_FRAMES:
            self.shown = -1
        if frame.frame <= self.shown:
            return
        frame.captured_ns = frame.trace.intended_ns or arrived_ns
        self._rate_hz = frame.rate_hz
        self._frames[frame.frame] = frame
        if len(self._frames) > _MOST_FRAMES:
            del self._frames[min(self._frames)]

    def found(self, finding: CatheterFix | Overlay) -> None:
        """Take a fix, or the overlay that completes its frame."""
        if isinstance(finding, CatheterFix):
            self._fixes[finding.frame] = finding
        elif finding.frame in self._frames:
            self._show(finding.frame, finding)

    def beating(self, phase: CardiacPhase, arrived_ns: int) -> None:
        """Take the cardiac phase of this stream, or of another of the same place."""
        if phase.stream.split("/")[0] == self.id.split("/")[0]:
            self._phase = phase, (phase.trace.intended_ns or arrived_ns) / 1e6

    def advance(self, now_ns: int) -> None:
        """Show a frame whose overlay did not come in time."""
        budget_ns = self._age_budget_ms * 1e6
        late = [number for number, frame in self._frames.items() if now_ns - frame.captured_ns > budget_ns]
        if late:
            self._show(max(late), None)

    def _show(self, number: int, overlay: Overlay | None) -> None:
        self.shown = number
        self._picture = (self._frames[number], self._fixes.get(number), overlay)
        self._record = b""
        self._frames = {n: frame for n, frame in self._frames.items() if n > number}
        self._fixes = {n: fix for n, fix in self._fixes.items() if n > number}

    def record(self) -> bytes:
        """Give the record of the frame to show; encoded once, and only when a viewer asks."""
        if not self._record and self._picture is not None:
            frame, fix, overlay = self._picture
            self._record = records.frame(self.number, self._about(frame, fix, overlay), self._encoded(frame))
        return self._record

    def _about(self, frame: XrayFrame, fix: CatheterFix | None, overlay: Overlay | None) -> dict[str, Any]:
        height, width = frame.pixels.shape
        shown = overlay is not None and overlay.shown and fix is not None
        return {
            "frame": frame.frame,
            "captured_ms": frame.captured_ns / 1e6,
            "width": width,
            "height": height,
            "spacing_mm": frame.spacing_mm,
            "spacing_plane": frame.spacing_plane,
            "age_budget_ms": self._age_budget_ms,
            "shown": shown,
            "reason": "" if shown else self._why_not(overlay),
            "overlay_age_ms": overlay.age_ms if overlay else None,
            "overlay_age_mm": overlay.age_mm if overlay else None,
            "devices": [_drawn(device) for device in fix.devices if is_shown(device)] if shown and fix else [],
            "phase": self._told_phase(),
        }

    def _told_phase(self) -> dict[str, Any] | None:
        if self._phase is None:
            return None
        phase, at_ms = self._phase
        return {"phase": phase.phase, "rr_s": phase.rr_s, "at_ms": at_ms, "trusted": phase.trusted}

    def _why_not(self, overlay: Overlay | None) -> str:
        if overlay is None:
            return f"no position within {self._age_budget_ms:.0f} ms"
        return overlay.reason or "no position"

    def _encoded(self, frame: XrayFrame) -> bytes:
        pixels = frame.pixels if frame.bits == 8 else self._windowed(frame)
        scale = SIDE_PX / max(pixels.shape)
        if scale < 1:
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        return bytes(cv2.imencode(".jpg", pixels.astype(np.uint8, copy=False), _JPEG)[1])

    def _windowed(self, frame: XrayFrame) -> npt.NDArray[np.uint8]:
        """Bring a frame of more than 8 bits to 8; the window follows the frames slowly, so that nothing flickers."""
        window = np.percentile(frame.pixels[::8, ::8], (0.5, 99.5))
        self._window = window if self._window is None else self._window + _WINDOW_SPEED * (window - self._window)
        low, high = self._window
        gain = 255 / max(high - low, 1.0)
        windowed: npt.NDArray[np.uint8] = ((np.clip(frame.pixels, low, high) - low) * gain).astype(np.uint8)
        return windowed

    def status(self, now_ns: int) -> StreamStatus:
        """Give what is known now."""
        status = super().status(now_ns)
        status.rate_hz = self._rate_hz or None
        return status


def _drawn(device: Device) -> dict[str, Any]:
    """Give what the page draws of a device."""
    return {
        "id": device.id,
        "class": device.class_,
        "state": device.state,
        "visible": device.visible,
        "confidence": round(device.confidence, 2),
        "tip_px": device.tip_px,
        "tip_mm": device.tip_mm,
        "error_px": device.error_px,
        "centreline_px": _rounded(device.centreline_px),
        "electrodes_px": _rounded(device.electrodes_px),
    }


def _rounded(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(round(x, 1), round(y, 1)) for x, y in points]
