"""What the dashboard tells of a lab's heart and devices, and of holes in a stream."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
import pytest

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import (
    CardiacPhase,
    CatheterFix,
    Device,
    EcgChunk,
    Gap,
    HeartRate,
    Overlay,
    Rhythm,
    Trace,
    XrayFrame,
)
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.lab import LabView

S = 1_000_000_000


@pytest.fixture
def lab() -> LabView:
    return LabView(1, StreamConfig(id="lab-1/xray"))


def device(number: int, **changes: Any) -> Device:
    about = {"state": "tracked", "visible": True, "confidence": 0.9, "tip_px": (5.0, 5.0), "tip_mm": None}
    return Device(id=number, class_="catheter", error_px=1.0, centreline_px=[], **(about | changes))


def told(lab: LabView, *devices: Device) -> dict[str, Any]:
    """Give what the page is told of a frame with these devices."""
    pixels = np.full((64, 64), 90, np.uint8)
    lab.take(XrayFrame(stream=lab.id, frame=1, pixels=pixels, trace=Trace(intended_ns=S)), S)
    lab.found(CatheterFix(stream=lab.id, frame=1, captured_ns=0, devices=list(devices)))
    lab.found(Overlay(stream=lab.id, frame=1, shown=True, age_ms=10.0))
    body = lab.record()[8:]
    return dict(json.loads(body[4 : 4 + struct.unpack_from("<I", body)[0]]))


def test_devices_that_are_lost_or_doubtful_are_not_drawn(lab: LabView) -> None:
    found = told(lab, device(1), device(2, state="lost"), device(3, confidence=0.1), device(4, state="coasting"))
    assert [drawn["id"] for drawn in found["devices"]] == [1, 4]


def test_the_phase_is_that_of_the_heart_of_the_same_place(lab: LabView) -> None:
    for stream, phase in (("lab-1/ecg", 0.25), ("lab-10/ecg", 0.5), ("bed-1/ecg", 0.9)):
        lab.beating(
            CardiacPhase(
                stream=stream,
                sample=1,
                decision_sample=1,
                phase=phase,
                rr_s=0.8,
                trusted=True,
                trace=Trace(intended_ns=S),
            ),
            2 * S,
        )
    assert told(lab)["phase"] == {"phase": 0.25, "rr_s": 0.8, "at_ms": 1000.0, "trusted": True}


def test_without_an_ecg_no_phase_is_told(lab: LabView) -> None:
    assert told(lab)["phase"] is None


def test_holes_in_a_stream_are_counted() -> None:
    bed = BedView(0, StreamConfig(id="bed-1/ecg"))
    assert (bed.status(S).gaps, bed.status(S).gap_s) == (0, None)
    bed.gap(Gap(stream="bed-1/ecg", first=10, count=5), 2 * S)
    bed.gap(Gap(stream="bed-1/ecg", first=20, count=0), 3 * S)
    assert (bed.status(4 * S).gaps, bed.status(4 * S).gap_s) == (1, 2.0)


def test_the_phase_is_counted_from_the_r_peaks_of_an_ecg_of_the_same_place() -> None:
    board = Board([StreamConfig(id="lab-1/ecg"), StreamConfig(id="lab-2/xray"), StreamConfig(id="lab-1/xray")])
    samples = np.zeros((25, 1), np.float32)
    due_ns = 100_000_000_000
    about = {"stream": "lab-1/ecg", "sample": 1000, "decision_sample": 1024}
    board.take(
        EcgChunk(
            stream="lab-1/ecg", first_sample=1000, rate_hz=250.0, leads=("II",), samples=samples,
            trace=Trace(intended_ns=due_ns),
        ),
        due_ns,
    )  # fmt: skip
    board.take(Rhythm(label="N", confidence=1.0, **about), due_ns)
    board.take(HeartRate(rate_bpm=75.0, **about), due_ns)
    other, lab = (board.streams[name] for name in ("lab-2/xray", "lab-1/xray"))
    assert isinstance(lab, LabView)
    assert isinstance(other, LabView)
    assert other._told_phase() is None
    told = lab._told_phase()
    assert told is not None
    assert (told["phase"], told["rr_s"], told["trusted"]) == (0.0, 0.8, True)
    assert told["at_ms"] == pytest.approx(due_ns / 1e6 - 24 * 4, abs=0.01)
