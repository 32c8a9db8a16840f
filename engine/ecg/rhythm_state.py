"""A rhythm as it is told: what it is, since when, and why."""

from __future__ import annotations

import msgspec

from heartwire.engine.messages import Reason

UNKNOWN = ""
"""The label while no rhythm is known."""


class RhythmState(msgspec.Struct, frozen=True):
    """A rhythm: its label, the sample at which it began, and the rule and values that decided."""

    label: str
    onset_sample: int
    reason: Reason = {}
    confidence: float = 1.0
