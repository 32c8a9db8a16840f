"""What the analyser knew at one decision sample: the way from analysis to alarms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from heartwire.engine.ecg.conduction import AvBlock
from heartwire.engine.ecg.pacing import PacerPulse
from heartwire.engine.ecg.pulse_channels import ChannelPulse
from heartwire.engine.ecg.reading import Hop
from heartwire.engine.ecg.rhythm_state import RhythmState
from heartwire.engine.messages import Beat, Finding

Signal = Literal["good", "noisy", "off"]
BRIDGED_GAP_S = 2.0
"""A gap up to this is bridged: the signal is taken to hold still. After a longer one everything begins anew."""


@dataclass(slots=True)
class Step:
    """One step of the analyser.

    `sample` is the last sample it rests on and `seen_to` the sample before which every beat has been told. `findings`
    come in the order in which they were decided. `missing` is (first sample, count) where samples are missing. `block`
    is what is known of the conduction from atria to ventricles. `hop` is what a hop that ends here says; `pulses` (of
    the blood) and `spikes` (of a pacemaker, at samples of the stream) are those known since the step before.
    """

    sample: int
    rate_hz: float
    seen_to: int
    signal: Signal
    rhythm: RhythmState
    beats: list[Beat] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    missing: tuple[int, int] | None = None
    block: AvBlock | None = None
    hop: Hop | None = None
    pulses: list[ChannelPulse] = field(default_factory=list)
    spikes: list[PacerPulse] = field(default_factory=list)
