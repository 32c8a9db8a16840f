"""Cone-beam projection: from places in the patient to pixels, and back along rays.

Places are mm from the isocentre along the patient's axes as in DICOM: x to the left, y to the back, z to the head
(supine, head first).
"""

from __future__ import annotations

import math
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from heartwire.engine.messages import Projection
from heartwire.engine.xray.detection import Point

Array: TypeAlias = npt.NDArray[np.float64]


def axes(primary_deg: float, secondary_deg: float) -> Array:
    """Give the axes of a view in the patient, (3, 3): rightwards and downwards in the frame, and towards the source.

    Parameters
    ----------
    primary_deg, secondary_deg
        Positioner angles, LAO and cranial positive.
    """
    a, b = math.radians(primary_deg), math.radians(secondary_deg)
    right = np.array([math.cos(a), math.sin(a), 0.0])
    to_source = np.array([-math.sin(a) * math.cos(b), math.cos(a) * math.cos(b), -math.sin(b)])
    return np.stack([right, np.cross(to_source, right), to_source])


def project(projection: Projection, places_mm: Array) -> Array:
    """Give the pixels (n, 2), x and y, that places (n, 3) are seen at."""
    seen = places_mm @ axes(projection.primary_deg, projection.secondary_deg).T
    magnified = projection.source_to_detector_mm / (projection.source_to_patient_mm - seen[:, 2:])
    return np.asarray(seen[:, :2] * magnified / _column_row(projection) + np.array(projection.centre_px))


def ray(projection: Projection, place_px: Point) -> tuple[Array, Array]:
    """Give the source (3,) and the direction (3,), of length 1, in which a pixel is seen from it."""
    right, down, to_source = axes(projection.primary_deg, projection.secondary_deg)
    x_mm, y_mm = (np.array(place_px) - np.array(projection.centre_px)) * _column_row(projection)
    towards = x_mm * right + y_mm * down - projection.source_to_detector_mm * to_source
    return projection.source_to_patient_mm * to_source, towards / np.linalg.norm(towards)


def spacing_at_mm(projection: Projection, distance_mm: float) -> float:
    """Give the size of a pixel at a distance from the source, mm."""
    return float(_column_row(projection).mean()) * distance_mm / projection.source_to_detector_mm


def _column_row(projection: Projection) -> Array:
    row_mm, column_mm = projection.imager_spacing_mm
    return np.array([column_mm, row_mm])
