"""Which channels of a stream are ECG leads and which are pulses beside them, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PULSE_NAMES = ("PLETH", "PPG", "ABP", "ART", "BP")
"""What the name of an arterial pressure or plethysmogram channel begins with; its samples keep their own unit."""


class Channels(NamedTuple):
    """The numbers of the channels of each kind."""

    ecg: tuple[int, ...]
    pulse: tuple[int, ...]


def is_pulse(name: str) -> bool:
    """Tell whether a channel of this name is a pulse channel."""
    return name.upper().startswith(PULSE_NAMES)


def split(names: Sequence[str]) -> Channels:
    """Tell ECG leads and pulse channels apart."""
    numbers = range(len(names))
    return Channels(
        tuple(i for i in numbers if not is_pulse(names[i])), tuple(i for i in numbers if is_pulse(names[i]))
    )
