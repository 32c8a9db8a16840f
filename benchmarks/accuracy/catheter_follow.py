"""Tips followed through held-out simulated runs: the whole pipeline and CSRT on the same frames; and in two planes.

The pipeline must find the device by itself; its tip is that of the one id which lies nearest in most frames, and any
frame in which that id has no visible tip is a miss. CSRT is begun on the true tip of the first frame. Every device
counts whose tip is visible in the first frame; the first frame itself does not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from heartwire.benchmarks.accuracy.catheter_biplane import VIEWS
from heartwire.benchmarks.accuracy.catheter_cine import fixes
from heartwire.benchmarks.accuracy.catheter_figures import Errors, errors
from heartwire.benchmarks.accuracy.catheter_held_out import Stretch, frames_of, held_out_run
from heartwire.benchmarks.accuracy.catheter_peers import CSRT, CsrtTip, csrt_installed
from heartwire.benchmarks.accuracy.catheter_score import TIP_WITHIN_PX
from heartwire.benchmarks.accuracy.catheter_tracking import Step
from heartwire.engine.messages import CatheterFix
from heartwire.engine.xray.detection import Point
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED
from heartwire.streams.simulators.truth import FrameTruth

FRAMES_OF_BOTH = 45
PLANE_SEEDS, PLANE_FRAMES = range(FIRST_TEST_SEED + 600, FIRST_TEST_SEED + 608), 24

PlaneSteps: TypeAlias = list[tuple[FrameTruth, CatheterFix]]
OURS = "heartwire"


class FollowFigures(msgspec.Struct, kw_only=True):
    """One method on all tips: errors in the frames that show them (missed: infinitely far), and what is told else.

    `told_hidden` is the share of the frames with a hidden tip in which a visible one is told.
    """

    method: str
    tips: int
    tip_px: Errors
    told_hidden: float | None


@dataclass(frozen=True)
class Followed:
    """One tip through a run: where it truly is (None: hidden), and where each method has it."""

    true: list[Point | None]
    told: dict[str, list[Point | None]]


@dataclass(frozen=True)
class FollowedRun:
    """A run: what is true and what was told, frame by frame, and the tips that CSRT followed, too."""

    steps: list[Step]
    tips: list[Followed]


def our_tips(true: Sequence[Point | None], told: Sequence[CatheterFix]) -> list[Point | None]:
    """Give the tip of the id that is nearest to the true tip, within 10 px, in most frames."""
    seen = [{d.id: d.tip_px for d in fix.devices if d.visible and d.tip_px is not None} for fix in told]
    votes: Counter[int] = Counter()
    for tip, tips in zip(true, seen, strict=True):
        if tip is not None and tips:
            distance, nearest = min((math.dist(tip, each), id_) for id_, each in tips.items())
            if distance <= TIP_WITHIN_PX:
                votes[nearest] += 1
    chosen = votes.most_common(1)[0][0] if votes else 0
    return [tips.get(chosen) for tips in seen]


def follow_stretch(stretch: Stretch, *, both: int = FRAMES_OF_BOTH, peers: bool = True) -> FollowedRun:
    """Simulate a stretch and follow its tips; both methods over the first `both` frames."""
    made = list(frames_of(held_out_run(stretch.seed), stretch.frames))
    images, truths = [image for image, _ in made], [truth for _, truth in made]
    told = list(fixes(images))
    tips = []
    for first in truths[0].devices:
        if first.visible:
            true = [_tip(truth, first.id) for truth in truths[:both]]
            methods = {OURS: our_tips(true, told[:both])}
            if peers and csrt_installed():
                tracker = CsrtTip(images[0], first.tip_px)
                methods[CSRT] = [first.tip_px, *(tracker.follow(image) for image in images[1:both])]
            tips.append(Followed(true, methods))
    return FollowedRun([(truth, fix.devices) for truth, fix in zip(truths, told, strict=True)], tips)


def follow_planes(seed: int) -> tuple[PlaneSteps, PlaneSteps]:
    """Simulate a run in both views of a biplane system and follow it in each."""

    def plane(view: tuple[float, float]) -> PlaneSteps:
        made = list(frames_of(held_out_run(seed, view=view), range(PLANE_FRAMES)))
        told = fixes(frame for frame, _ in made)
        return [(truth, fix) for (_, truth), fix in zip(made, told, strict=True)]

    first, second = VIEWS
    return plane(first), plane(second)


def _tip(truth: FrameTruth, id_: int) -> Point | None:
    return next((device.tip_px for device in truth.devices if device.id == id_ and device.visible), None)


def follow_figures(tips: Sequence[Followed]) -> list[FollowFigures]:
    """Summarise all tips for each method."""
    rows = []
    for method in dict.fromkeys(name for tip in tips for name in tip.told):
        pairs = [pair for tip in tips for pair in list(zip(tip.true, tip.told[method], strict=True))[1:]]
        hidden = [told is not None for true, told in pairs if true is None]
        rows.append(
            FollowFigures(
                method=method,
                tips=len(tips),
                tip_px=errors([math.dist(a, b) if b is not None else math.inf for a, b in pairs if a is not None]),
                told_hidden=sum(hidden) / len(hidden) if hidden else None,
            )
        )
    return rows
