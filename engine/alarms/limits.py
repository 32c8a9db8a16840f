"""The limits at which alarms are given, with their defaults."""

from __future__ import annotations

import msgspec


class AlarmLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Limits for one patient; the defaults are an adult's."""

    brady_bpm: float = 50.0
    tachy_bpm: float = 120.0
    extreme_brady_bpm: float = 40.0
    extreme_brady_beats: int = 5
    """Beats whose median interval is longer than the limit's."""
    extreme_tachy_bpm: float = 140.0
    extreme_tachy_beats: int = 17
    hysteresis_bpm: float = 3.0
    """How far inside its limit the rate must be,"""
    hysteresis_beats: int = 8
    """and for how many beats in a row, for the condition to end."""
    run_beats: int = 3
    """Ventricular beats in a row that are a run."""
    pause_s: float = 3.0
    """Time without a beat that is a pause."""
    noisy_s: float = 5.0
    """How long every lead must be noisy, and then clear, for the condition to begin and end."""
    lead_off_s: float = 1.0
    """How long every lead must be off, beyond what the quality measure needs (2.3 s)."""
