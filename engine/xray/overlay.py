"""Draws a navigation overlay on the frame that it belongs to: lines, tips, uncertainty, age."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.engine.messages import CatheterFix, Device, Overlay, XrayFrame
from heartwire.engine.xray.age import is_shown

Image = npt.NDArray[np.uint8]
"""(height, width, 3), blue, green, red."""

_COLOURS = {"catheter": (90, 220, 80), "guidewire": (255, 190, 60), "electrode-catheter": (240, 120, 240)}
_COASTING = (60, 200, 255)
_WITHDRAWN = (70, 70, 255)
_TEXT = (235, 235, 235)
_REFERENCE_PX = 512
_SUBPIXEL_BITS = 4
_WINDOW_PERCENTILES = (0.5, 99.5)


def displayed(frame: XrayFrame) -> Image:
    """Bring a frame to 8 bit for a screen: 8-bit frames as they are, deeper ones over the range in use."""
    pixels = frame.pixels
    if pixels.dtype != np.uint8:
        low, high = np.percentile(pixels[::4, ::4], _WINDOW_PERCENTILES)
        scale = 255.0 / max(1.0, float(high) - float(low))
        pixels = np.clip((pixels.astype(np.float32) - np.float32(low)) * np.float32(scale), 0, 255).astype(np.uint8)
    image: Image = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_GRAY2BGR)
    return image


def draw(frame: XrayFrame, fix: CatheterFix | None, overlay: Overlay | None) -> Image:
    """Draw a frame with its overlay; withdrawn (or absent) it leaves only the reason.

    Parameters
    ----------
    frame
        The frame.
    fix, overlay
        What was found in this very frame, and whether it may be shown; None where no answer came for it.

    Returns
    -------
    array of shape (height, width, 3)
        uint8, blue, green, red.

    Raises
    ------
    ValueError
        If fix or overlay belong to another frame.
    """
    for finding in (fix, overlay):
        if finding is not None and finding.frame != frame.frame:
            msg = f"a finding of frame {finding.frame} cannot be drawn on frame {frame.frame}"
            raise ValueError(msg)
    image = displayed(frame)
    size = max(image.shape[:2]) / _REFERENCE_PX
    if fix is None or overlay is None or not overlay.shown:
        reason = overlay.reason if overlay else "no answer for this frame"
        _write(image, f"no overlay: {reason}", _WITHDRAWN, size)
        return image
    for device in fix.devices:
        if is_shown(device):
            _device(image, device, size)
    age = f"age {overlay.age_ms:.0f} ms"
    _write(image, age if overlay.age_mm is None else f"{age}, {overlay.age_mm:.1f} mm", _TEXT, size)
    return image


def _device(image: Image, device: Device, size: float) -> None:
    colour = _COASTING if device.state == "coasting" else _COLOURS[device.class_]
    width = max(1, round(1.2 * size))
    if len(device.centreline_px) > 1:
        line = _fixed(device.centreline_px).reshape(-1, 1, 2)
        cv2.polylines(image, [line], False, colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    for electrode in device.electrodes_px:
        place = tuple(int(v) for v in _fixed(electrode))
        cv2.circle(image, place, int(_fixed(1.6 * size)), colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    if device.tip_px is None:
        return
    centre = tuple(int(v) for v in _fixed(device.tip_px))
    radius = int(_fixed(max(3.0 * size, device.error_px or 0.0)))
    if device.visible:
        cv2.circle(image, centre, int(_fixed(1.6 * size)), colour, -1, cv2.LINE_AA, _SUBPIXEL_BITS)
    cv2.circle(image, centre, radius, colour, width, cv2.LINE_AA, _SUBPIXEL_BITS)
    x, y = device.tip_px
    error = "" if device.error_px is None else f" ±{device.error_px:.1f} px"
    label = f"{device.class_} {device.id}{error}" if device.visible else f"{device.class_} {device.id}: not visible"
    _label(image, label, (x + radius / 2**_SUBPIXEL_BITS + 3 * size, y - 4 * size), colour, size)


def _fixed(value: Any) -> Any:
    """Give pixel positions or lengths as OpenCV's fixed-point numbers."""
    return np.rint(np.asarray(value, np.float64) * (1 << _SUBPIXEL_BITS)).astype(np.int32)


def _label(image: Image, text: str, at: tuple[float, float], colour: tuple[int, int, int], size: float) -> None:
    scale = 0.42 * size
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    x = min(max(0, round(at[0])), max(0, image.shape[1] - width - 2))
    y = min(max(height + 2, round(at[1])), image.shape[0] - 3)
    cv2.putText(image, text, (x + 1, y + 1), cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(image, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)


def _write(image: Image, text: str, colour: tuple[int, int, int], size: float) -> None:
    _label(image, text, (8 * size, image.shape[0] - 10 * size), colour, size)
