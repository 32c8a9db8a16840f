"""Frames in which there is no device: what is told of them is false.

* `vessels, real`: parts of coronary cines that the catheter never enters, with the arteries under contrast; cut out by
  the table below, run as streams.
* `chest, real`: what lies below the annotated catheter in `xray/dev` frames of AngioData, each frame alone.
* `bone, CT`: projections of the chest CT tilted towards head or feet, which no training sees, with the noise of a
  detector, new in every frame of a short run.
* `simulator` and `simulator, contrast`: held-out runs with their devices taken out; electrodes, wires in the sternum
  and clips stay.

Vessel frames of ARCADE are not used: they were trained on, and hold catheters that nobody marked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.accuracy.catheter_cine import read_cine
from heartwire.benchmarks.accuracy.catheter_held_out import frames_of, held_out_run
from heartwire.benchmarks.accuracy.catheter_truth import RecordedFrame
from heartwire.engine.messages import XrayFrame
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

_SIMULATED_RUNS, _SIMULATED_FRAMES, _SIMULATED_FIRST = 20, 6, 30
_BELOW_DEVICE_PX = 30
_LEAST_HEIGHT_PX = 240


@dataclass(frozen=True)
class _Part:
    """A part of a cine that its catheter never enters: left, top, right, bottom."""

    file: str
    box: tuple[int, int, int, int]


_PARTS = (
    # Chosen on the darkest value of each pixel over the whole run; LAO27CRA22-RCA is left out for a wire in its vessel.
    _Part("CAU34.mp4", (240, 0, 640, 480)),
    _Part("CRA33.mp4", (220, 0, 640, 480)),
    _Part("LAO28-RCA.mp4", (0, 230, 640, 480)),
    _Part("RAO28-RCA.mp4", (0, 230, 640, 480)),
    _Part("rubo0002.dcm", (20, 200, 330, 512)),
)


@dataclass(frozen=True)
class EmptyRun:
    """Frames in turn without any device."""

    kind: str
    name: str
    frames: list[XrayFrame]


def still_frame(pixels: Pixels, number: int, rate_hz: float = 15.0) -> XrayFrame:
    """Make a frame for the evaluation."""
    return XrayFrame(stream="evaluation", frame=number, pixels=pixels.copy(), rate_hz=rate_hz)


def vessel_runs(folder: Path) -> Iterator[EmptyRun]:
    """Cut the parts without catheter out of the cines in a folder."""
    for part in _PARTS:
        path = folder / part.file
        if path.is_file():
            left, top, right, bottom = part.box
            cut = [still_frame(f.pixels[top:bottom, left:right], f.frame, f.rate_hz) for f in read_cine(path)]
            yield EmptyRun("vessels, real", path.stem, cut)


def chest_runs(recorded: Sequence[RecordedFrame]) -> Iterator[EmptyRun]:
    """Cut what lies below the devices out of annotated frames of AngioData."""
    for each in recorded:
        if each.origin == "AngioData":
            top = int(max(device.line_px[:, 1].max() for device in each.devices)) + _BELOW_DEVICE_PX
            pixels = each.frame.pixels[top:]
            if len(pixels) >= _LEAST_HEIGHT_PX:
                yield EmptyRun("chest, real", each.name, [still_frame(pixels, 0)])


def simulated_runs() -> Iterator[EmptyRun]:
    """Simulate short runs without devices, those with contrast apart."""
    for seed in range(FIRST_TEST_SEED + 500, FIRST_TEST_SEED + 500 + _SIMULATED_RUNS):
        numbers = range(_SIMULATED_FIRST, _SIMULATED_FIRST + _SIMULATED_FRAMES)
        made = list(frames_of(held_out_run(seed, devices=False), numbers))
        kind = "simulator, contrast" if any(truth.contrast for _, truth in made) else "simulator"
        yield EmptyRun(kind, f"seed {seed}", [frame for frame, _ in made])
