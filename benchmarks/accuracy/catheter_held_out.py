"""Simulated runs that no network was trained on: held-out seeds and held-out settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from heartwire.engine.messages import XrayFrame
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy
from heartwire.streams.simulators.truth import FrameTruth

_FIRST_SEED, _SEEDS = FIRST_TEST_SEED + 200, 200
_LOOK_EVERY, _LOOK_FRAMES, _AROUND = 12, 168, 26


class Stretch(NamedTuple):
    """Frames of a run."""

    seed: int
    frames: range


def held_out_run(seed: int, **settings: Any) -> Fluoroscopy:
    """Make a run of held-out settings; the rest as `Fluoroscopy` takes it."""
    return Fluoroscopy(seed, held_out=True, **settings)


def frames_of(run: Fluoroscopy, numbers: Iterable[int]) -> Iterator[tuple[XrayFrame, FrameTruth]]:
    """Give frames of a run as items of a stream that begins with the first of them, and what is true of each."""
    for place, number in enumerate(numbers):
        pixels, truth = run.frame(number)
        frame = XrayFrame(
            stream="evaluation",
            frame=place,
            pixels=pixels,
            bits=run.bits,
            rate_hz=run.rate_hz,
            projection=run.projection,
            captured_ns=round(1e9 * truth.time_s),
        )
        yield frame, truth


def stretches(hidden: int, plain: int) -> Iterator[Stretch]:
    """Give stretches of runs around the times at which contrast hides a tip, and as many others as wanted.

    Of each run every twelfth frame of the first 11 s is looked at; a stretch begins 26 frames before the first of them
    that hides a tip and ends 26 after the last.
    """
    yield from (Stretch(_FIRST_SEED + _SEEDS + i, range(2 * _AROUND)) for i in range(plain))
    found = (_hidden_stretch(seed) for seed in range(_FIRST_SEED, _FIRST_SEED + _SEEDS))
    yield from islice((stretch for stretch in found if stretch is not None), hidden)


def _hidden_stretch(seed: int) -> Stretch | None:
    run = held_out_run(seed)
    looked = range(0, _LOOK_FRAMES, _LOOK_EVERY)
    times = [n for n in looked if any(device.hidden_by == "contrast" for device in run.frame(n)[1].devices)]
    if not times:
        return None
    return Stretch(seed, range(max(0, times[0] - _AROUND), times[-1] + _AROUND))
