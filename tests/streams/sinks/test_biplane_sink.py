"""Tips in space written as lines, whichever plane comes first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import CatheterFix, Device, Message, Projection
from heartwire.engine.xray.projection import project
from heartwire.streams.sinks.biplane import BiplaneSink

PLACE = (10.0, -5.0, 20.0)


def fix(stream: str, frame: int, primary_deg: float) -> CatheterFix:
    view = Projection(
        primary_deg=primary_deg, secondary_deg=0.0, source_to_detector_mm=1000.0, source_to_patient_mm=750.0,
        imager_spacing_mm=(0.4, 0.4), centre_px=(255.5, 255.5),
    )  # fmt: skip
    x, y = project(view, np.array([PLACE]))[0].tolist()
    device = Device(
        id=1, class_="catheter", state="tracked", visible=True, confidence=0.9, tip_px=(x, y), tip_mm=None,
        error_px=1.0, centreline_px=[],
    )  # fmt: skip
    return CatheterFix(stream=stream, frame=frame, captured_ns=frame * 10**8, devices=[device], projection=view)


@pytest.mark.parametrize("turned", [False, True])
def test_each_pair_of_frames_is_a_line_under_the_first_stream(tmp_path: Path, turned: bool) -> None:
    first: list[Message] = [fix("lab/xray", k, -30.0) for k in range(3)]
    second: list[Message] = [fix("lab/b/xray", k, 50.0) for k in range(3)]
    other: list[Message] = [fix("lab-2/xray", 0, 0.0)]
    sink = BiplaneSink(out=str(tmp_path), first="lab/xray", second="lab/b/xray").open()
    for message in [*second, *other, *first] if turned else [*first, *other, *second]:
        sink.write(message)
    sink.close()
    lines = [json.loads(line) for line in (tmp_path / "lab-xray.biplane.jsonl").read_bytes().splitlines()]
    assert [(line["frame"], line["partner"], line["partner_frame"]) for line in lines] == [
        (k, "lab/b/xray", k) for k in range(3)
    ]
    assert lines[0]["tip_mm"] == pytest.approx(PLACE)
    assert lines[0]["residual_mm"] == pytest.approx(0.0, abs=1e-6)
    assert (lines[0]["ids"], lines[0]["class"], lines[0]["visible"]) == ([1, 1], "catheter", True)


@pytest.mark.parametrize("wrong", [{"second": "lab-1/xray"}, {"apart_s": -1.0}, {"apart_s": float("nan")}])
def test_what_cannot_pair_is_refused_at_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="biplane"):
        BiplaneSink(**{"out": "results", "first": "lab-1/xray", "second": "lab-1/lateral", **wrong})
