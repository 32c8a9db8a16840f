"""What a simulated run is drawn from: the settings of training, and those held out from it.

The two share no X-ray system and no device: every range below is disjoint from its counterpart, and so are the
shapes of fields, display curves and tips (a test holds this). Patients, their hearts, the geometry, the vessels and
the median grey level are drawn alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from heartwire.streams.simulators.tip_shapes import Bends, Range, judkins_or_amplatz, reversed_or_triple

Random = np.random.Generator
Options: TypeAlias = tuple[float | Range, ...]
"""Values and ranges, each as likely as the others."""


def draw(random: Random, options: Options) -> float:
    """Draw from every range, then choose one."""
    return float(random.choice([each if isinstance(each, float) else random.uniform(*each) for each in options]))


def draw_log(random: Random, ranges: tuple[Range, ...]) -> float:
    """Choose a range, if there are several, and draw from it, each ratio as likely as the others."""
    low, high = ranges[int(random.integers(len(ranges)))] if len(ranges) > 1 else ranges[0]
    return math.exp(random.uniform(math.log(low), math.log(high)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Ranges (low, high) and choices; widths in px are those in a frame of 512 px.

    Attributes
    ----------
    pulse_s, lag
        Length of the pulse; share of a frame that stays in the next.
    blur_px
        Deviation of the focal spot's and the detector's blur.
    scatter_to_primary, scatter_px
        How much scatter, and how wide it spreads.
    noise_grey, noise_kinds, noise_memory
        Deviation of the steady noise in grey levels, correlation of neighbours (first and last kind of
        `imaging.NOISE_SIGMAS_PX`), share that the recursive filter keeps.
    flicker
        Deviation of the exposure from frame to frame, relative.
    sharpen, sharpen_px, flatten
        Edge enhancement and its scale; how much of the background's slow changes is taken out.
    display
        The curve from the signal to the grey level.
    fields, outside_grey
        How likely each shape of the field is; grey level outside it.
    scenes
        How likely each set of devices is.
    catheter_px, passing_px, electrode_catheter_px, wire_px
        Widths at half depth.
    two_wall_share, wall_ratio
        Share of the catheters that have a lumen; its radius over the outer one.
    bands
        Whether catheters carry marker bands along their last part, in place of marked tips.
    guide_tip, loop_degrees, loop_radius_mm, hook_share, hook_degrees
        Tips of guides, loops of pigtails, J tips of wires.
    ring_counts, ring_gap_mm, ring_half_mm, tip_electrode_mm
        Ring electrodes: how many, from middle to middle, half their length; length of the tip electrode.
    end_on_share
        Share of the devices with a stretch along the beam, where they are as much darker as they look shorter.
    """

    pulse_s: Range
    lag: Options
    blur_px: Range
    scatter_to_primary: Range
    scatter_px: Range
    noise_grey: tuple[Range, ...]
    noise_kinds: tuple[int, int]
    noise_memory: Options
    flicker: Range
    sharpen: Options
    sharpen_px: Range
    flatten: Options
    display: Literal["logarithmic", "sigmoid"]
    fields: Mapping[str, float]
    outside_grey: Options
    scenes: Mapping[str, float]
    catheter_px: Range
    passing_px: Range
    electrode_catheter_px: Range
    wire_px: Range
    two_wall_share: float
    wall_ratio: Range
    bands: bool
    guide_tip: Callable[[Random], Bends]
    loop_degrees: Range
    loop_radius_mm: Range
    hook_share: float
    hook_degrees: Range
    ring_counts: tuple[int, ...]
    ring_gap_mm: Range
    ring_half_mm: float
    tip_electrode_mm: tuple[float, ...]
    end_on_share: float


TRAINED = Settings(
    pulse_s=(0.004, 0.012),
    lag=(0.0, (0.01, 0.08)),
    blur_px=(0.55, 1.5),
    scatter_to_primary=(0.3, 2.0),
    scatter_px=(30.0, 80.0),
    noise_grey=((0.4, 8.0),),
    noise_kinds=(0, 5),
    noise_memory=(0.0, (0.1, 0.5)),
    flicker=(0.0, 0.012),
    sharpen=(0.0, 0.0, (0.2, 0.8), (0.8, 2.0)),
    sharpen_px=(1.0, 4.0),
    flatten=(0.0, (0.0, 0.5), (0.4, 0.8)),
    display="logarithmic",
    fields={"open": 0.3, "shutters": 0.4, "round": 0.2, "octagon": 0.1},
    outside_grey=(0.0, 0.0, (0.0, 30.0)),
    scenes={
        "guide": 0.24,
        "guide and wire": 0.26,
        "wire": 0.14,
        "pigtail": 0.08,
        "electrodes": 0.16,
        "blunt and wire": 0.12,
    },
    catheter_px=(5.0, 12.0),
    passing_px=(5.0, 11.0),
    electrode_catheter_px=(4.5, 8.0),
    wire_px=(2.0, 4.0),
    two_wall_share=0.5,
    wall_ratio=(0.55, 0.85),
    bands=False,
    guide_tip=judkins_or_amplatz,
    loop_degrees=(330.0, 480.0),
    loop_radius_mm=(4.0, 7.5),
    hook_share=0.4,
    hook_degrees=(120.0, 200.0),
    ring_counts=(4, 4, 8, 10, 10, 20),
    ring_gap_mm=(3.0, 8.0),
    ring_half_mm=0.6,
    tip_electrode_mm=(1.0, 2.0, 4.0),
    end_on_share=0.0,
)
"""What the shipped network is trained on: a change here changes the runs of all seeds."""

HELD_OUT = Settings(
    pulse_s=(0.013, 0.018),
    lag=((0.1, 0.16),),
    blur_px=(1.6, 2.0),
    scatter_to_primary=(2.2, 3.0),
    scatter_px=(85.0, 120.0),
    noise_grey=((0.15, 0.35), (8.2, 10.0)),
    noise_kinds=(6, 8),
    noise_memory=((0.55, 0.7),),
    flicker=(0.015, 0.03),
    sharpen=((2.1, 3.0),),
    sharpen_px=(4.5, 7.0),
    flatten=((0.85, 0.95),),
    display="sigmoid",
    fields={"iris": 0.6, "masked iris": 0.4},
    outside_grey=((35.0, 60.0),),
    scenes={"guide": 0.2, "guide and wire": 0.16, "wire": 0.14, "pigtail": 0.1, "electrodes": 0.2, "balloon": 0.2},
    catheter_px=(12.5, 15.0),
    passing_px=(12.5, 15.0),
    electrode_catheter_px=(8.5, 10.5),
    wire_px=(4.2, 5.0),
    two_wall_share=1.0,
    wall_ratio=(0.3, 0.5),
    bands=True,
    guide_tip=reversed_or_triple,
    loop_degrees=(240.0, 320.0),
    loop_radius_mm=(8.0, 11.0),
    hook_share=1.0,
    hook_degrees=(205.0, 270.0),
    ring_counts=(6, 12, 14),
    ring_gap_mm=(8.5, 12.0),
    ring_half_mm=1.0,
    tip_electrode_mm=(3.0, 8.0),
    end_on_share=0.4,
)
"""What no seed below or above `FIRST_TEST_SEED` shows unless it is asked for."""
