"""What a DICOM header says of time and space: frame times and pixel spacing (PS3.3 C.7.6.5, C.8.7.5, C.8.19.6)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

Plane: TypeAlias = Literal["patient", "detector", "unknown"]

DEFAULT_RATE_HZ = 15.0
_MAGNIFICATIONS = (1.0, 5.0)
_CALIBRATED = {"GEOMETRY", "FIDUCIAL"}


def frame_times_s(dataset: Any, n_frames: int) -> tuple[list[float], float]:
    """Give the time of each frame after the first and the mean frame rate.

    Taken from FrameTimeVector, FrameTime, CineRate or RecommendedDisplayFrameRate, the first that is there and makes
    sense; else 15 frames a second.

    Parameters
    ----------
    dataset
        A pydicom dataset.
    n_frames
        Number of frames.

    Returns
    -------
    times_s : list of float
        Seconds, one a frame, the first 0.
    rate_hz : float
        Frames a second.
    """
    vector = _numbers(dataset.get("FrameTimeVector"))
    if len(vector) == n_frames > 1 and all(step > 0 for step in vector[1:]):
        # The first increment is that of the first frame to itself: 0 by the standard, whatever is written.
        times_s = np.concatenate([[0.0], np.cumsum(vector[1:])]) / 1e3
        return times_s.tolist(), float((n_frames - 1) / times_s[-1])
    rates = (
        *(1e3 / step for step in _numbers(dataset.get("FrameTime")) if step > 0),
        *_numbers(dataset.get("CineRate")),
        *_numbers(dataset.get("RecommendedDisplayFrameRate")),
    )
    rate_hz = next((rate for rate in rates if 0 < rate <= 1000), DEFAULT_RATE_HZ)
    return [number / rate_hz for number in range(n_frames)], rate_hz


def spacing(dataset: Any) -> tuple[tuple[float, float] | None, Plane]:
    """Give the (row, column) spacing of the pixels in mm, and the plane in which it holds.

    ImagerPixelSpacing holds at the detector; divided by the magnification (EstimatedRadiographicMagnificationFactor,
    or source-to-detector over source-to-patient distance) it holds at the patient. A PixelSpacing that was calibrated
    holds at the patient already.
    """
    given = dict(_geometry(dataset))
    pixel, imager = _pair(given.get("PixelSpacing")), _pair(given.get("ImagerPixelSpacing"))
    if pixel and str(given.get("PixelSpacingCalibrationType") or "") in _CALIBRATED:
        return pixel, "patient"
    if imager is None:
        return pixel, "unknown"
    magnification = _magnification(given)
    if magnification is None:
        return imager, "detector"
    return (imager[0] / magnification, imager[1] / magnification), "patient"


def _magnification(given: dict[str, Any]) -> float | None:
    factor = _numbers(given.get("EstimatedRadiographicMagnificationFactor"))
    detector = _numbers(given.get("DistanceSourceToDetector"))
    patient = _numbers(given.get("DistanceSourceToPatient")) or _numbers(given.get("DistanceSourceToIsocenter"))
    candidates = [*factor, *(d / p for d, p in zip(detector, patient, strict=False) if p > 0)]
    low, high = _MAGNIFICATIONS
    return next((value for value in candidates if low <= value <= high), None)


_KEYWORDS = (
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "ImagerPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "DistanceSourceToIsocenter",
)


def _geometry(dataset: Any) -> Iterator[tuple[str, Any]]:
    """Give the geometry elements: of the functional groups in an enhanced image, then of the header itself."""
    for groups in dataset.get("SharedFunctionalGroupsSequence") or ():
        for element in groups:
            if element.VR == "SQ":
                for inner in element.value:
                    yield from ((word, inner.get(word)) for word in _KEYWORDS if inner.get(word) is not None)
    yield from ((word, dataset.get(word)) for word in _KEYWORDS if dataset.get(word) is not None)


def _numbers(value: Any) -> list[float]:
    """Give a decimal element's finite numbers; none where it is absent or empty."""
    if value is None or value == "":
        return []
    values = [value] if isinstance(value, str | int | float) or not hasattr(value, "__iter__") else list(value)
    try:
        numbers = [float(v) for v in values]
    except (TypeError, ValueError):
        return []
    return numbers if all(math.isfinite(v) for v in numbers) else []


def _pair(value: Any) -> tuple[float, float] | None:
    numbers = _numbers(value)
    return (numbers[0], numbers[1]) if len(numbers) == 2 and min(numbers) > 0 else None
