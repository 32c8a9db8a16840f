"""How well devices are followed over time, in simulated runs that no network was trained on.

A reported device belongs to the true one whose tip its own was nearest to, within 10 px, in most frames in which it was
seen. What is scored:

* hidden: a tip that was reported goes into contrast; in the second such frame it must be reported as not visible;
* re-acquired: a tip comes out of contrast and stays; one of the first three frames must report it, within 10 px;
* id switches: how often the identity reported at one true tip changes;
* jitter: deviation of x and y from frame to frame where the true tip rests (moves 0.5 px or less);
* bound: shares of fixes whose true error exceeds the stated 95 % bound, of tips seen and of tips foretold.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

import msgspec
import numpy as np

from heartwire.engine.messages import Device
from heartwire.streams.simulators.truth import DeviceTruth, FrameTruth

Step: TypeAlias = tuple[FrameTruth, list[Device]]
"""What is true of a frame, and what was reported."""

NEAR_PX = 10.0
HIDDEN_WITHIN = 2
BACK_WITHIN = 3
_STILL_PX = 0.5


class TrackingScore(msgspec.Struct, frozen=True):
    """Shares in 0..1, NaN where nothing was counted; px of 512-px frames.

    `bounds_seen` and `bounds_foretold` are the pairs (stated 95 % bound, true error) of every fix whose tip was
    seen, or foretold, for a reliability plot.
    """

    frames: int
    hidden: int
    hidden_in_time: float
    back: int
    back_in_time: float
    back_same_id: float
    id_switches: int
    switches_a_minute: float
    jitter_px: float
    seen_tips: float
    tip_median_px: float
    tip_95_px: float
    beyond_bound: float
    beyond_bound_foretold: float
    false_devices_a_frame: float
    bounds_seen: list[tuple[float, float]]
    bounds_foretold: list[tuple[float, float]]


class _Tally(msgspec.Struct):
    frames: int = 0
    device_s: float = 0.0
    hidden: list[bool] = []
    back: list[bool] = []
    back_same: list[bool] = []
    switches: int = 0
    visible: int = 0
    seen: int = 0
    jitter: list[float] = []
    bounds_seen: list[tuple[float, float]] = []
    bounds_foretold: list[tuple[float, float]] = []
    false: int = 0


def owners(steps: Sequence[Step]) -> dict[int, int]:
    """Say which true device each reported one is: {reported id: true id}; those that are none are left out."""
    votes: dict[int, Counter[int]] = {}
    for truth, devices in steps:
        for device in devices:
            if device.visible and device.tip_px is not None:
                mine = votes.setdefault(device.id, Counter())
                far_px, true = min(
                    ((math.dist(d.tip_px, device.tip_px), d.id) for d in truth.devices), default=(math.inf, 0)
                )
                mine[true if far_px <= NEAR_PX else 0] += 1
    best = {reported: mine.most_common(1)[0][0] for reported, mine in votes.items()}
    return {reported: true for reported, true in best.items() if true}


def _reported_at(true: DeviceTruth, devices: Sequence[Device]) -> Device | None:
    """Give the visible reported device nearest to a true tip, within 10 px; None where there is none to be seen."""
    if not true.visible:
        return None
    seen = [(math.dist(d.tip_px, true.tip_px), d.id, d) for d in devices if d.visible and d.tip_px is not None]
    return min(seen)[2] if seen and min(seen)[0] <= NEAR_PX else None


def _score_device(steps: Sequence[Step], index: int, tally: _Tally) -> None:
    """Follow one true device through a run."""
    truths = [truth.devices[index] for truth, _ in steps]
    at = [_reported_at(truth.devices[index], devices) for truth, devices in steps]
    tally.visible += sum(true.visible for true in truths)
    tally.seen += sum(device is not None for device in at)
    ids = [device.id for device in at if device is not None]
    tally.switches += sum(a != b for a, b in pairwise(ids))
    hidden = [true.hidden_by == "contrast" for true in truths]
    for k in range(1, len(steps)):
        last = at[k - 1]
        if all(hidden[k : k + HIDDEN_WITHIN]) and len(hidden) >= k + HIDDEN_WITHIN and last is not None:
            then = steps[k + HIDDEN_WITHIN - 1][1]
            tally.hidden.append(not any(d.id == last.id and d.visible for d in then))
        visible = [true.visible for true in truths[k : k + BACK_WITHIN]]
        if k >= HIDDEN_WITHIN and all(hidden[k - HIDDEN_WITHIN : k]) and len(visible) == BACK_WITHIN and all(visible):
            again = next((device for device in at[k : k + BACK_WITHIN] if device is not None), None)
            tally.back.append(again is not None)
            before = next((device for device in reversed(at[:k]) if device is not None), None)
            if again is not None and before is not None:
                tally.back_same.append(again.id == before.id)
        if at[k] is not None and last is not None and math.dist(truths[k].tip_px, truths[k - 1].tip_px) <= _STILL_PX:
            changed_px = math.dist(_offset(at[k], truths[k]), _offset(last, truths[k - 1]))
            tally.jitter.append(0.25 * changed_px**2)


def _offset(device: Device | None, true: DeviceTruth) -> tuple[float, float]:
    assert device is not None
    assert device.tip_px is not None
    return device.tip_px[0] - true.tip_px[0], device.tip_px[1] - true.tip_px[1]


def _score_bounds(steps: Sequence[Step], tally: _Tally) -> None:
    """Compare every fix with the tip of the device that it is of."""
    owner = owners(steps)
    for truth, devices in steps:
        true_tips = {device.id: device.tip_px for device in truth.devices}
        for device in devices:
            if device.tip_px is None or device.error_px is None:
                continue
            if device.id not in owner:
                tally.false += device.visible
                continue
            pair = (device.error_px, math.dist(device.tip_px, true_tips[owner[device.id]]))
            (tally.bounds_seen if device.visible else tally.bounds_foretold).append(pair)


def score_runs(runs: Iterable[Sequence[Step]]) -> TrackingScore:
    """Score runs that were followed, each a list of true and reported devices frame by frame."""
    tally = _Tally()
    for steps in runs:
        tally.frames += len(steps)
        for index in range(len(steps[0][0].devices)):
            tally.device_s += steps[-1][0].time_s - steps[0][0].time_s
            _score_device(steps, index, tally)
        _score_bounds(steps, tally)
    errors = [error for _, error in tally.bounds_seen]
    return TrackingScore(
        frames=tally.frames,
        hidden=len(tally.hidden),
        hidden_in_time=_share(tally.hidden),
        back=len(tally.back),
        back_in_time=_share(tally.back),
        back_same_id=_share(tally.back_same),
        id_switches=tally.switches,
        switches_a_minute=60.0 * tally.switches / tally.device_s if tally.device_s else math.nan,
        jitter_px=math.sqrt(float(np.mean(tally.jitter))) if tally.jitter else math.nan,
        seen_tips=tally.seen / tally.visible if tally.visible else math.nan,
        tip_median_px=float(np.median(errors)) if errors else math.nan,
        tip_95_px=float(np.quantile(errors, 0.95)) if errors else math.nan,
        beyond_bound=_share([error > bound for bound, error in tally.bounds_seen]),
        beyond_bound_foretold=_share([error > bound for bound, error in tally.bounds_foretold]),
        false_devices_a_frame=tally.false / tally.frames if tally.frames else math.nan,
        bounds_seen=tally.bounds_seen,
        bounds_foretold=tally.bounds_foretold,
    )


def _share(held: Sequence[bool]) -> float:
    return sum(held) / len(held) if held else math.nan
