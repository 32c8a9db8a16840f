"""The limits at which alarms are given, with their defaults, and how they are changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from heartwire.engine.errors import CommandRefused

Category = Literal["adult", "paediatric", "neonate"]

RateBpm: TypeAlias = Annotated[float, Meta(ge=15.0, le=350.0)]
Beats: TypeAlias = Annotated[int, Meta(ge=1, le=100)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0.5, le=60.0)]


class AlarmLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits for one patient; the defaults are an adult's."""

    brady_bpm: RateBpm = 50.0
    tachy_bpm: RateBpm = 120.0
    extreme_brady_bpm: RateBpm = 40.0
    extreme_brady_beats: Beats = 5
    """Beats whose median interval is longer than the limit's."""
    extreme_tachy_bpm: RateBpm = 140.0
    extreme_tachy_beats: Beats = 17
    hysteresis_bpm: Annotated[float, Meta(ge=0.0, le=20.0)] = 3.0
    """How far inside its limit the rate must be,"""
    hysteresis_beats: Beats = 8
    """and for how many beats in a row, for the condition to end."""
    run_beats: Beats = 3
    """Ventricular beats in a row that are a run."""
    pause_s: Seconds = 3.0
    """Time without a beat that is a pause."""
    noisy_s: Seconds = 5.0
    """How long every lead must be noisy, and then clear, for the condition to begin and end."""
    lead_off_s: Annotated[float, Meta(ge=0.0, le=60.0)] = 1.0
    """How long every lead must be off, beyond what the quality measure needs (2.3 s)."""
    af_begin_s: Annotated[float, Meta(ge=0.0, le=600.0)] = 30.0
    """How long atrial fibrillation must last for AF to begin, from where it is dated,"""
    af_end_s: Annotated[float, Meta(ge=0.0, le=600.0)] = 30.0
    """and how long there must be none for AF to end."""
    pvc_per_minute: Annotated[int, Meta(ge=1, le=200)] = 10
    """More ventricular beats than this in the last minute are PVC_RATE."""
    missed_ratio: Annotated[float, Meta(ge=1.3, le=3.0)] = 1.75
    """In a regular rhythm a beat is missing where so many of its intervals pass without one."""
    ectopy_hold_s: Annotated[float, Meta(ge=0.0, le=600.0)] = 10.0
    """How long a couplet, an R on T or a missed beat holds."""


CATEGORIES: dict[Category, dict[str, dict[str, float]]] = {
    "adult": {},
    "paediatric": {
        "limits": {
            "brady_bpm": 75.0,
            "tachy_bpm": 160.0,
            "extreme_brady_bpm": 55.0,
            "extreme_tachy_bpm": 180.0,
            "pause_s": 2.5,
        },
        "patterns": {"svt_run_bpm": 140.0, "svt_bpm": 180.0, "sinus_bpm": 220.0},
    },
    "neonate": {
        "limits": {
            "brady_bpm": 100.0,
            "tachy_bpm": 200.0,
            "extreme_brady_bpm": 80.0,
            "extreme_tachy_bpm": 220.0,
            "pause_s": 2.0,
        },
        "patterns": {"svt_run_bpm": 180.0, "svt_bpm": 210.0, "sinus_bpm": 240.0},
        "rhythm": {"asystole_s": 3.0},
    },
}
"""What differs from an adult's settings: by table of the ECG settings, its fields.

The rates are those that bedside monitors commonly ship with (limits 75 and 160, 100 and 200 a minute; extreme rates 20
beyond them). They are general knowledge, not taken from a standard.
"""


def check(limits: AlarmLimits) -> str:
    """Say what in the limits contradicts itself; "" where nothing does."""
    order = (limits.extreme_brady_bpm, limits.brady_bpm, limits.tachy_bpm, limits.extreme_tachy_bpm)
    if not (order[0] <= order[1] < order[2] <= order[3]):
        names = "extreme_brady_bpm <= brady_bpm < tachy_bpm <= extreme_tachy_bpm"
        return f"expected {names}, found {', '.join(f'{value:g}' for value in order)}"
    return ""


def changed(limits: AlarmLimits, changes: Mapping[str, float]) -> AlarmLimits:
    """Give limits with some of them changed.

    Raises
    ------
    CommandRefused
        If there is no such limit, or a value is out of its range or against another limit.
    """
    if not changes:
        msg = f"no limit given: use NAME=VALUE with {', '.join(AlarmLimits.__struct_fields__)}"
        raise CommandRefused(msg)
    # Whole numbers stay whole on their way as floats.
    whole = {name: int(value) if float(value).is_integer() else value for name, value in changes.items()}
    try:
        after = msgspec.convert(msgspec.structs.asdict(limits) | whole, AlarmLimits)
    except msgspec.ValidationError as error:
        msg = f"limits: {error}"
        raise CommandRefused(msg) from None
    if wrong := check(after):
        msg = f"limits: {wrong}"
        raise CommandRefused(msg)
    return after
