"""Simulated runs that no network was trained on: held-out seeds, and held-out settings where the simulator has such."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy

HAS_HELD_OUT_SETTINGS = "held_out" in inspect.signature(Fluoroscopy).parameters

_FIRST_SEED, _SEEDS = FIRST_TEST_SEED + 200, 200
_LOOK_EVERY, _LOOK_FRAMES, _AROUND = 12, 168, 26


class Stretch(NamedTuple):
    """Frames of a run."""

    seed: int
    frames: range


class _Empty(Fluoroscopy):
    """A run whose devices were taken out; contrast still fills the vessels."""

    def __init__(self, seed: int, **settings: Any) -> None:
        super().__init__(seed, **settings)
        self._devices = type(self._devices)()


def held_out_run(seed: int, *, size_px: int = 512, bits: int = 8, devices: bool = True) -> Fluoroscopy:
    """Make a run with or without devices."""
    settings: dict[str, Any] = {"held_out": True} if HAS_HELD_OUT_SETTINGS else {}
    return (Fluoroscopy if devices else _Empty)(seed, size_px=size_px, bits=bits, **settings)


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
