"""Confidences of devices and of their tips are settled apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from heartwire.engine.xray.confidence import Evidence, Kind
from heartwire.engine.xray.detection import Detection
from heartwire.models.xray.looks import Look
from heartwire.models.xray.scenes import Sample

pytestmark = pytest.mark.train
pytest.importorskip("sklearn", reason="needs the training extra")

_TIP = (60.5, 30.5)


def _sample(*, device: bool) -> Sample:
    """A catheter along row 30 from the left to its tip, or nothing."""
    truth = np.zeros((8, 64, 64), np.float32)
    truth[7] = 1.0
    if device:
        truth[0, 15, :31] = 1.0
        truth[2, 15, 30] = 1.0
    look = Look("film", "flat", frozenset({"catheter"} if device else ()))
    return Sample(np.zeros((3, 128, 128), np.float32), truth, look)


def _line(y: float, tip: tuple[float, float]) -> Detection:
    points = [(float(x), y) for x in range(0, 60, 5)]
    return Detection(
        class_="catheter", confidence=0.5, visible=True, tip_px=tip, error_px=2.0, centreline_px=[*points, tip]
    )


@dataclass
class _Looks:
    """Shows a line in every frame, clear where there is a device, whose hot tip is right in every second of them."""

    report_confidence: float = 0.1
    bound_scale: float = 1.0
    shown: int = 0

    def look(self, planes: Any, pixels: Any) -> list[tuple[Detection, Kind, Evidence]]:
        device, right = self.shown % 2 == 0, self.shown % 4 == 0
        self.shown += 1
        body, heat = (2.0 if device else -2.0), (2.0 if right else -2.0)
        found = Evidence(body=body, weakest=body, length=0.0, heat=heat, seen=0.0, wire=0.0)
        return [(_line(30.5 if device else 100.5, _TIP if right else (60.5, 100.5)), "tipped", found)]


@pytest.fixture(scope="module")
def settled() -> dict[str, float]:
    from heartwire.models.xray.confidences import settle

    localiser: Any = _Looks()
    return settle(localiser, (_sample(device=i % 2 == 0) for i in range(80)))


def test_the_body_speaks_for_the_device_and_the_heat_for_its_tip(settled: dict[str, float]) -> None:
    assert settled["confidence_tipped_body"] > settled["confidence_tipped_heat"]
    assert settled["confidence_tip_heat"] > settled["confidence_tip_body"]


def test_of_equally_good_confidences_the_highest_is_told_from(settled: dict[str, float]) -> None:
    assert settled["tell_confidence"] > 0.8
