"""How well tips are placed in space from two planes, in simulated runs that no network was trained on.

Every pair of frames is located and tracked in each plane by itself, as in a run, and the fixes are put together by
`Biplane`. Every tip in space that both planes saw counts where the devices of both planes are true ones (see
`catheter_tracking`): its error is the distance from the true tip of the device of the first plane, so a pair of two
different devices counts with all its error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from heartwire.benchmarks.accuracy.catheter_tracking import owners
from heartwire.engine.messages import CatheterFix
from heartwire.engine.xray.biplane import Biplane
from heartwire.streams.simulators.truth import FrameTruth

VIEWS = ((-30.0, 0.0), (40.0, 20.0))
"""RAO 30, and LAO 40 with 20 cranial: the planes of a usual biplane run."""
FOUND_MM = 5.0


class BiplaneScore(msgspec.Struct, frozen=True):
    """Errors in mm over `tips`; shares in 0..1, NaN where nothing was counted.

    `found` is the share of true tips visible in both planes that have a tip in space within 5 mm, `mixed` of tips put
    together from two different devices, `beyond_bound` of tips further off than their 95 % bound.
    """

    pairs: int
    tips: int
    median_mm: float
    p95_mm: float
    residual_median_mm: float
    found: float
    mixed: float
    beyond_bound: float
    false_tips_a_pair: float


class _Tally(msgspec.Struct):
    pairs: int = 0
    errors: list[float] = []
    residuals: list[float] = []
    beyond: list[bool] = []
    mixed: list[bool] = []
    found: list[bool] = []
    false: int = 0


Steps = Sequence[tuple[FrameTruth, CatheterFix]]


def score_planes(runs: Sequence[tuple[Steps, Steps]]) -> BiplaneScore:
    """Score runs that were followed in two views each."""
    tally = _Tally()
    for first, second in runs:
        _score_run(first, second, tally)
    errors = tally.errors
    return BiplaneScore(
        pairs=tally.pairs,
        tips=len(errors),
        median_mm=float(np.median(errors)) if errors else math.nan,
        p95_mm=float(np.quantile(errors, 0.95)) if errors else math.nan,
        residual_median_mm=float(np.median(tally.residuals)) if errors else math.nan,
        found=_share(tally.found),
        mixed=_share(tally.mixed),
        beyond_bound=_share(tally.beyond),
        false_tips_a_pair=tally.false / tally.pairs if tally.pairs else math.nan,
    )


def _score_run(first: Steps, second: Steps, tally: _Tally) -> None:
    biplane = Biplane("first", "second")
    belongs = [owners([(truth, fix.devices) for truth, fix in steps]) for steps in (first, second)]
    for (truth, one), (other_truth, other) in zip(first, second, strict=True):
        biplane.take(msgspec.structs.replace(one, stream="first"))
        tips = [tip for tip in biplane.take(msgspec.structs.replace(other, stream="second")) if tip.visible]
        tally.pairs += 1
        true_mm = {device.id: device.tip_mm for device in truth.devices}
        for tip in tips:
            mine, theirs = belongs[0].get(tip.ids[0]), belongs[1].get(tip.ids[1])
            if mine is None or theirs is None:
                tally.false += 1
                continue
            error_mm = math.dist(tip.tip_mm, true_mm[mine])
            tally.errors.append(error_mm)
            tally.residuals.append(tip.residual_mm)
            tally.beyond.append(error_mm > tip.error_mm)
            tally.mixed.append(mine != theirs)
        for device, seen_too in zip(truth.devices, other_truth.devices, strict=True):
            if device.visible and seen_too.visible:
                tally.found.append(any(math.dist(tip.tip_mm, device.tip_mm) <= FOUND_MM for tip in tips))


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else math.nan
