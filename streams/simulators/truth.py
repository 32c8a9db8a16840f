"""What is truly in a simulated frame: where each device is, whether it can be seen, the moment of heart and breath."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from heartwire.streams.simulators.devices import DeviceClass

Float32Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class DeviceTruth:
    """Where one device is in a frame.

    Attributes
    ----------
    id
        The same in every frame, from 1.
    class_
        What it is.
    centreline_px : (n, 2)
        (x, y) from proximal to distal, from where it first enters the field to where it is last inside (in between it
        may leave it); (0, 2) if nothing is inside.
    opacity : (n,)
        How much of the device's full density is at each point, 0 to 1: the shafts of some guidewires are nearly clear.
    tip_px
        (x, y) of the distal end, also where it cannot be seen.
    tip_mm
        The same in space: (x, y, z) to the patient's left, back and head from the isocentre, in every view.
    visible
        The tip can be seen.
    hidden_by
        Why not: outside the field, inside contrast agent, or lost in the noise of a dark background.
    width_px
        Width at half depth.
    darkening
        Share of the background's grey level that its densest part takes away, as designed.
    electrodes_px : (k, 2)
        (x, y) of the middles of the ring electrodes inside the field, distal to proximal.
    """

    id: int
    class_: DeviceClass
    centreline_px: Float32Array
    opacity: Float32Array
    tip_px: tuple[float, float]
    tip_mm: tuple[float, float, float]
    visible: bool
    hidden_by: Literal["", "field", "contrast", "noise"]
    width_px: float
    darkening: float
    electrodes_px: Float32Array


@dataclass(frozen=True, slots=True)
class FrameTruth:
    """Everything known about one frame.

    Attributes
    ----------
    frame, time_s
        Its number and time from the start of the stream.
    cardiac_phase
        0 at an R peak, 1 at the next; NaN where the heart does not beat.
    breath
        0 at expiration to 1 at inspiration.
    spacing_mm
        Pixel spacing at the isocentre.
    contrast
        Whether contrast agent is in the vessels.
    devices
        The devices, in the order of their ids.
    """

    frame: int
    time_s: float
    cardiac_phase: float
    breath: float
    spacing_mm: float
    contrast: bool
    devices: tuple[DeviceTruth, ...]
