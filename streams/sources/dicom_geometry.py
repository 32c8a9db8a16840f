"""What a DICOM header says of time and space: frame times, spacing, positioner (PS3.3 C.7.6.5, C.8.7.5, C.8.19.6)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

import numpy as np

from heartwire.engine.messages import Projection

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
    distances = _distances(given)
    candidates = [*factor, *([distances[0] / distances[1]] if distances else [])]
    low, high = _MAGNIFICATIONS
    return next((value for value in candidates if low <= value <= high), None)


def _distances(given: dict[str, Any]) -> tuple[float, float] | None:
    """Give the distances from the source to the detector and to the patient, mm."""
    detector = [mm for mm in _numbers(given.get("DistanceSourceToDetector")) if mm > 0]
    words = ("DistanceSourceToPatient", "DistanceSourceToIsocenter")
    patient = [mm for word in words for mm in _numbers(given.get(word)) if mm > 0]
    return (detector[0], patient[0]) if detector and patient else None


def projection(dataset: Any) -> Projection | None:
    """Give where source and detector stand; None where the header does not say, or they move during the run.

    The central ray is taken to meet the middle of the frame, as the header has no word for it.
    """
    given = dict(_geometry(dataset))
    imager, distances = _pair(given.get("ImagerPixelSpacing")), _distances(given)
    angles = [_numbers(given.get(f"Positioner{which}Angle")) for which in ("Primary", "Secondary")]
    if imager is None or distances is None or not all(len(angle) == 1 and abs(angle[0]) <= 360 for angle in angles):
        return None
    low, high = _MAGNIFICATIONS
    if str(given.get("PositionerMotion") or "") == "DYNAMIC" or not low <= distances[0] / distances[1] <= high:
        return None
    return Projection(
        primary_deg=angles[0][0],
        secondary_deg=angles[1][0],
        source_to_detector_mm=distances[0],
        source_to_patient_mm=distances[1],
        imager_spacing_mm=imager,
        centre_px=(0.5 * (int(dataset.Columns) - 1), 0.5 * (int(dataset.Rows) - 1)),
    )


_KEYWORDS = (
    "PixelSpacing",
    "PixelSpacingCalibrationType",
    "ImagerPixelSpacing",
    "EstimatedRadiographicMagnificationFactor",
    "DistanceSourceToDetector",
    "DistanceSourceToPatient",
    "DistanceSourceToIsocenter",
    "PositionerPrimaryAngle",
    "PositionerSecondaryAngle",
    "PositionerMotion",
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
