"""Cone-beam geometry: where the detector stands for which angles, and rays that go back to what was projected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.messages import Projection
from heartwire.engine.xray.projection import Array, axes, project, ray

angle = st.floats(-90.0, 90.0)
place = st.tuples(*[st.floats(-120.0, 120.0)] * 3)


def view(primary_deg: float = 0.0, secondary_deg: float = 0.0) -> Projection:
    return Projection(
        primary_deg=primary_deg, secondary_deg=secondary_deg, source_to_detector_mm=1000.0, source_to_patient_mm=750.0,
        imager_spacing_mm=(0.4, 0.3), centre_px=(255.5, 255.5),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("angles", "detector"),
    [((0.0, 0.0), (0, -1, 0)), ((90.0, 0.0), (1, 0, 0)), ((-90.0, 0.0), (-1, 0, 0)), ((0.0, 90.0), (0, 0, 1))],
)
def test_the_detector_turns_to_the_left_and_to_the_head(
    angles: tuple[float, float], detector: tuple[float, float, float]
) -> None:
    assert -axes(*angles)[2] == pytest.approx(np.array(detector), abs=1e-12)


def test_from_the_front_the_patients_left_is_on_the_right_and_the_head_at_the_top() -> None:
    left, head, back = project(view(), np.array([[10.0, 0.0, 0.0], [0.0, 0.0, 10.0], [0.0, 10.0, 0.0]]))
    assert left == pytest.approx([255.5 + 10 / 0.75 / 0.3, 255.5])
    assert head == pytest.approx([255.5, 255.5 - 10 / 0.75 / 0.4])
    assert back == pytest.approx([255.5, 255.5])


@given(angle, angle)
def test_axes_are_a_right_handed_rectangular_frame(primary_deg: float, secondary_deg: float) -> None:
    turned = axes(primary_deg, secondary_deg)
    assert turned @ turned.T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.linalg.det(turned) == pytest.approx(1.0)


@given(angle, angle, place)
def test_a_ray_passes_through_what_was_projected(
    primary_deg: float, secondary_deg: float, at_mm: tuple[float, float, float]
) -> None:
    seen_from = view(primary_deg, secondary_deg)
    x, y = project(seen_from, np.array([at_mm]))[0].tolist()
    source, along = ray(seen_from, (x, y))
    off: Array = np.cross(np.array(at_mm) - source, along)
    assert float(np.linalg.norm(off)) < 1e-6
