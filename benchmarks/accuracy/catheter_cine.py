"""Real cines, frame by frame through the whole pipeline, until contrast comes: jumps of the tip, frames that lose it.

The *followed* device is the one whose tip lies nearest to the hand-made tip of the first frame, within 25 px, in the
first frame that has one so near; it keeps its id or is lost. A frame is *lost* where the device is not told of as
tracked with a visible tip. A *jump* is a step of more than 25 px between two frames in turn in both of which a tip is
told. The *first* device is what stands first in each fix, whatever its id: what a reader sees who takes one device.
Whatever the method, its tip counts as lost until it has once been within 25 px of the hand-made one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import msgspec

from heartwire.benchmarks.accuracy.catheter_peers import (
    CSRT,
    RIDGE,
    CsrtTip,
    csrt_installed,
    ridge_devices,
    ridge_installed,
)
from heartwire.engine.messages import CatheterFix, XrayFrame
from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.pipeline import XrayPipeline, create
from heartwire.streams.sources.dicom import DicomSource
from heartwire.streams.sources.video import VideoSource

JUMP_PX = 25.0
FOLLOWED, FIRST = "heartwire, followed", "heartwire, first told"


@dataclass(frozen=True)
class Cine:
    """A recorded run: how many frames it has before contrast leaves the catheter, and the tip in the first one."""

    file: str
    before_contrast: int
    tip_px: Point


CINES = (
    # The last frame before contrast is seen beyond the tip; looked up by eye, every frame enlarged around the tip.
    Cine("CAU34.mp4", 11, (113.4, 132.6)),
    Cine("CRA33.mp4", 6, (123.5, 70.5)),
    Cine("LAO27CRA22-RCA.mp4", 6, (216.4, 133.3)),
    Cine("LAO28-RCA.mp4", 7, (133.4, 146.6)),
    Cine("RAO28-RCA.mp4", 4, (278.4, 143.0)),
    Cine("rubo0002.dcm", 14, (175.0, 144.0)),
    Cine("xa-mono2-12x.dcm", 12, (284.0, 243.5)),  # no contrast in all of it
)


class CineFigures(msgspec.Struct, kw_only=True):
    """One method on one cine, or on all; `lost` is a number of frames."""

    method: str
    cine: str
    frames: int
    jumps: int
    largest_step_px: float
    lost: int

    @property
    def lost_share(self) -> float:
        """Share of the frames in which it is lost."""
        return self.lost / max(1, self.frames)


def read_cine(path: Path) -> Iterator[XrayFrame]:
    """Give the frames of a DICOM file or a video, through their source."""
    source = DicomSource if path.suffix == ".dcm" else VideoSource
    return (item for item in source(stream="evaluation", path=str(path)).open() if isinstance(item, XrayFrame))


@cache
def _pipeline() -> XrayPipeline:
    return create("evaluation", {"threads": 1})


def fixes(frames: Iterable[XrayFrame]) -> Iterator[CatheterFix]:
    """Run the frames of one stream through the pipeline as if it were fresh, one thread; gives the fix of each."""
    pipeline = _pipeline()
    pipeline.reset()
    for frame in frames:
        yield next(finding for finding in pipeline.process(frame) if isinstance(finding, CatheterFix))


def followed(told: Sequence[CatheterFix], tip_px: Point) -> list[Point | None]:
    """Give the visible tip of the followed device in each frame."""
    chosen = 0
    tips: list[Point | None] = []
    for fix in told:
        seen = [d for d in fix.devices if d.state == "tracked" and d.visible and d.tip_px is not None]
        if not chosen:
            near = [(math.dist(d.tip_px, tip_px), d.id) for d in seen if d.tip_px is not None]
            distance, nearest = min(near, default=(math.inf, 0))
            chosen = nearest if distance <= JUMP_PX else 0
        tips.append(next((d.tip_px for d in seen if d.id == chosen), None))
    return tips


def first_told(told: Sequence[CatheterFix]) -> list[Point | None]:
    """Give the tip of the first device of each fix that has a visible one."""
    return [next((d.tip_px for d in fix.devices if d.state == "tracked" and d.visible), None) for fix in told]


def cine_figures(method: str, cine: str, tips: Sequence[Point | None]) -> CineFigures:
    """Count jumps and lost frames of one tip."""
    steps = [math.dist(a, b) for a, b in pairwise(tips) if a is not None and b is not None]
    return CineFigures(
        method=method,
        cine=cine,
        frames=len(tips),
        jumps=sum(step > JUMP_PX for step in steps),
        largest_step_px=max(steps, default=0.0),
        lost=sum(tip is None for tip in tips),
    )


def total(rows: Sequence[CineFigures]) -> list[CineFigures]:
    """Add up the cines of each method."""
    return [
        CineFigures(
            method=method,
            cine="all",
            frames=sum(row.frames for row in mine),
            jumps=sum(row.jumps for row in mine),
            largest_step_px=max(row.largest_step_px for row in mine),
            lost=sum(row.lost for row in mine),
        )
        for method in dict.fromkeys(row.method for row in rows)
        if (mine := [row for row in rows if row.method == method])
    ]


def score_cine(
    cine: Cine, frames: Sequence[XrayFrame], told: Sequence[CatheterFix], *, peers: bool
) -> list[CineFigures]:
    """Score one cine's frames before contrast, and the peers' on the same."""
    tips = {FOLLOWED: followed(told, cine.tip_px), FIRST: first_told(told)}
    if peers and ridge_installed():
        tips[RIDGE] = [next((d.tip_px for d in ridge_devices(frame)), None) for frame in frames]
    if peers and csrt_installed():
        tracker = CsrtTip(frames[0], cine.tip_px)
        tips[CSRT] = [cine.tip_px, *(tracker.follow(frame) for frame in frames[1:])]
    return [cine_figures(method, cine.file, since_found(each, cine.tip_px)) for method, each in tips.items()]


def since_found(tips: Sequence[Point | None], tip_px: Point) -> list[Point | None]:
    """Leave out what is told before the first tip within 25 px of the true one."""
    near = [tip is not None and math.dist(tip, tip_px) <= JUMP_PX for tip in tips]
    return [tip if any(near[: i + 1]) else None for i, tip in enumerate(tips)]
