"""Simulated runs that no network was trained on: seeds from `FIRST_TEST_SEED` on, settings kept out of training where
the simulator has such.
"""

from __future__ import annotations

import inspect
from typing import Any

from heartwire.streams.simulators.fluoroscopy import Fluoroscopy

HAS_HELD_OUT_SETTINGS = "held_out" in inspect.signature(Fluoroscopy).parameters


class _Empty(Fluoroscopy):
    """A run whose devices were taken out; contrast still fills the vessels."""

    def __init__(self, seed: int, **settings: Any) -> None:
        super().__init__(seed, **settings)
        self._devices = type(self._devices)()


def held_out_run(seed: int, *, size_px: int = 512, bits: int = 8, devices: bool = True) -> Fluoroscopy:
    """Make a run with or without devices."""
    settings: dict[str, Any] = {"held_out": True} if HAS_HELD_OUT_SETTINGS else {}
    return (Fluoroscopy if devices else _Empty)(seed, size_px=size_px, bits=bits, **settings)
