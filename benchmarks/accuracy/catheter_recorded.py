"""Recorded frames with hand-made tips and centrelines, each frame alone, by the localiser and by the peers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec

from heartwire.benchmarks.accuracy.catheter_cine import fixes, followed
from heartwire.benchmarks.accuracy.catheter_figures import FrameFigures, tips_alone
from heartwire.benchmarks.accuracy.catheter_peers import CSRT, CsrtTip, csrt_installed
from heartwire.benchmarks.accuracy.catheter_pictures import Worst
from heartwire.benchmarks.accuracy.catheter_score import LINE_WITHIN_PX, FrameScore, Reported, score_frame
from heartwire.benchmarks.accuracy.catheter_truth import RecordedFrame
from heartwire.engine.messages import Trace, XrayFrame
from heartwire.engine.xray.detection import Point

TRACKED = "heartwire, tracked"
_MISSED_PX = 1e4
_RATE_HZ = 30.0
_RUN = "XA-MONO2-8-12x-catheter"
"""The one origin whose frames follow one another."""


def score_recorded(
    frames: Sequence[RecordedFrame], locate: Callable[[XrayFrame], list[Reported]], worst: Worst | None = None
) -> Iterator[FrameScore]:
    """Score frames one at a time; keeps pictures of the worst tips, the worst lines and the most false devices."""
    for each in frames:
        reported = locate(each.frame)
        score = score_frame(each.name, each.origin, each.devices, reported)
        if worst is not None:
            kinds = {"recorded tip": min(score.tip_error_px, _MISSED_PX), "recorded false": float(score.false)}
            if len(score.to_reported_px):
                kinds["recorded line missed"] = 100.0 * float((score.to_reported_px > LINE_WITHIN_PX).mean())
            for kind, badness in kinds.items():
                if not math.isnan(badness):
                    worst.add(kind, badness, each.name, each.frame, truth=each.devices, reported=reported)
        yield score


def run_recorded(frames: Sequence[RecordedFrame], *, peers: bool) -> list[FrameFigures]:
    """Follow the tip of the one annotated run from its first frame on, by the pipeline and by CSRT."""
    run = [frame for frame in frames if frame.origin == _RUN]
    tips = [next((d.tip_px for d in frame.devices if d.tip_px is not None), None) for frame in run]
    if not run or tips[0] is None:
        return []
    images = [
        msgspec.structs.replace(each.frame, frame=number, rate_hz=_RATE_HZ, trace=Trace())
        for number, each in enumerate(run)
    ]
    told = {TRACKED: followed(list(fixes(images)), tips[0])}
    if peers and csrt_installed():
        tracker = CsrtTip(images[0], tips[0])
        told[CSRT] = [tips[0], *(tracker.follow(image) for image in images[1:])]
    return [tips_alone(method, _RUN, _errors_px(tips[1:], found[1:])) for method, found in told.items()]


def _errors_px(tips: Sequence[Point | None], found: Sequence[Point | None]) -> list[float]:
    return [
        math.dist(tip, at) if at is not None else math.inf
        for tip, at in zip(tips, found, strict=True)
        if tip is not None
    ]
