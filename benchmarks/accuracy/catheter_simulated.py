"""Held-out simulated frames, each alone: centrelines and visible tips against the simulator's truth, in px and mm.

Each visible tip is paired with at most one reported one. It is found if they lie within 10 px; errors are those of the
tips found, and once more of all visible tips with those missed as infinitely far. mm are at the isocentre.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from heartwire.benchmarks.accuracy.catheter_figures import WITHIN_MM, Errors, errors
from heartwire.benchmarks.accuracy.catheter_held_out import frames_of
from heartwire.benchmarks.accuracy.catheter_score import (
    TIP_WITHIN_PX,
    FrameScore,
    Reported,
    pair_tips,
    score_frame,
)
from heartwire.benchmarks.accuracy.catheter_truth import TrueDevice, simulated_truth
from heartwire.engine.messages import XrayFrame
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy

SEEDS = range(FIRST_TEST_SEED, FIRST_TEST_SEED + 40)
FRAMES = range(0, 90, 15)


@dataclass(frozen=True)
class SimulatedFrame:
    """A frame and its truth; spacing at the isocentre."""

    name: str
    frame: XrayFrame
    devices: list[TrueDevice]
    spacing_mm: float


@dataclass(frozen=True)
class SimulatedScore:
    """One frame's result: the paired tips within 10 px as errors and stated errors, and what was neither."""

    score: FrameScore
    reported: list[Reported]
    spacing_mm: float
    visible: int
    tip_errors_px: list[float]
    stated_px: list[float | None]
    false_tips: int


class SimulatedFigures(msgspec.Struct, kw_only=True):
    """One method on held-out simulated frames; `false` devices and tips are per frame, shares in 0..1."""

    method: str
    frames: int
    tips: int
    tips_found: float
    devices_found: float
    tip_px: Errors
    tip_mm: Errors
    all_tips_px: Errors
    to_reported_px: Errors
    to_true_px: Errors
    to_true_mm: Errors
    false: float
    false_tips: float


def simulated_frames(
    seeds: Sequence[int] = SEEDS, numbers: Sequence[int] = FRAMES, *, held_out: bool = True
) -> Iterator[SimulatedFrame]:
    """Make the frames, with held-out settings or with those of training."""
    for seed in seeds:
        for frame, truth in frames_of(Fluoroscopy(seed, held_out=held_out), numbers):
            devices = simulated_truth(truth, frame.pixels.shape)
            yield SimulatedFrame(f"seed {seed}, frame {truth.frame}", frame, devices, truth.spacing_mm)


def score_simulated(made: SimulatedFrame, locate: Callable[[XrayFrame], list[Reported]]) -> SimulatedScore:
    """Find the devices of a frame and score them."""
    reported = locate(made.frame)
    visible = [device.tip_px for device in made.devices if device.tip_px is not None]
    told = [(device.tip_px, device.error_px) for device in reported if device.tip_px is not None]
    pairs = [pair for pair in pair_tips(visible, [tip for tip, _ in told]) if pair[2] <= TIP_WITHIN_PX]
    return SimulatedScore(
        score=score_frame(made.name, "simulator", made.devices, reported),
        reported=reported,
        spacing_mm=made.spacing_mm,
        visible=len(visible),
        tip_errors_px=[error for _, _, error in pairs],
        stated_px=[told[k][1] for _, k, _ in pairs],
        false_tips=len(told) - len(pairs),
    )


def simulated_figures(method: str, scores: Sequence[SimulatedScore]) -> SimulatedFigures:
    """Summarise frames."""
    tips = sum(score.visible for score in scores)
    found = [(error, score.spacing_mm) for score in scores for error in score.tip_errors_px]
    devices = sum(score.score.devices for score in scores)
    empty = np.empty(0, np.float32)
    back = np.concatenate([empty, *(score.score.to_true_px for score in scores)])
    back_mm = np.concatenate([empty, *(score.score.to_true_px * np.float32(score.spacing_mm) for score in scores)])
    return SimulatedFigures(
        method=method,
        frames=len(scores),
        tips=tips,
        tips_found=len(found) / max(1, tips),
        devices_found=sum(score.score.found for score in scores) / max(1, devices),
        tip_px=errors([error for error, _ in found]),
        tip_mm=errors([error * spacing for error, spacing in found], WITHIN_MM),
        all_tips_px=errors([error for error, _ in found] + [float("inf")] * (tips - len(found))),
        to_reported_px=errors(np.concatenate([empty, *(score.score.to_reported_px for score in scores)])),
        to_true_px=errors(back),
        to_true_mm=errors(back_mm, WITHIN_MM),
        false=sum(score.score.false for score in scores) / max(1, len(scores)),
        false_tips=sum(score.false_tips for score in scores) / max(1, len(scores)),
    )
