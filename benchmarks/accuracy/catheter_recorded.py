"""Recorded frames with hand-made tips and centrelines, each frame alone, by the localiser and by the peers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from heartwire.benchmarks.accuracy.catheter_figures import FrameFigures, tips_alone
from heartwire.benchmarks.accuracy.catheter_peers import CSRT, CsrtTip
from heartwire.benchmarks.accuracy.catheter_pictures import Worst
from heartwire.benchmarks.accuracy.catheter_score import LINE_WITHIN_PX, FrameScore, Reported, score_frame
from heartwire.benchmarks.accuracy.catheter_truth import RecordedFrame
from heartwire.engine.messages import XrayFrame

_MISSED_PX = 1e4
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


def csrt_recorded(frames: Sequence[RecordedFrame]) -> FrameFigures | None:
    """Follow the tip of the one annotated run from its first frame on; None where it is absent."""
    run = [frame for frame in frames if frame.origin == _RUN]
    tips = [next((d.tip_px for d in frame.devices if d.tip_px is not None), None) for frame in run]
    if not run or tips[0] is None:
        return None
    tracker = CsrtTip(run[0].frame, tips[0])
    errors_px = []
    for frame, tip in zip(run[1:], tips[1:], strict=True):
        found = tracker.follow(frame.frame)
        if tip is not None:
            errors_px.append(math.dist(found, tip) if found is not None else math.inf)
    return tips_alone(CSRT, _RUN, errors_px)
