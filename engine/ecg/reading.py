"""What can be read from the conditioned samples: quality, leads to analyse, R peaks, windows of the VT/VF network.

Each sample is taken in as few calls as the networks allow, whatever arrived at once. What is read belongs to moments of
the 250 Hz grid, counted from where the signal began (or began again after a gap): the end of a network frame that
decided on R peaks, and the end of each hop of 40 samples. That is why the cutting into messages cannot matter.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np

from heartwire.engine.ecg.conditioning import Conditioned
from heartwire.engine.ecg.leads import N_ANALYSED, LeadChoice, LeadSettings
from heartwire.engine.ecg.pacing import AFTER as PULSE_AFTER
from heartwire.engine.ecg.pacing import PacerPulse, PulseFinder
from heartwire.engine.ecg.qrs import QUALITY_FRAMES, QrsDetector, RPeak
from heartwire.engine.ecg.quality import HOP, LeadQuality, QualityMeter
from heartwire.engine.ecg.slots import FRAME
from heartwire.engine.ecg.ventricular import RhythmWindow, VentricularDetector
from heartwire.engine.inference import Model
from heartwire.engine.messages import FloatArray
from heartwire.engine.stacking import Asking

QUALITY_HOPS = 6
"""Signal quality is told every so many hops: 0.96 s."""


@dataclass(slots=True)
class Hop:
    """What a complete hop says.

    `quality` is that of each lead by the rules, `off` says that every lead is off. `analysed` are the leads analysed in
    this hop, `chosen` those analysed from its end on. `window` is what the VT/VF network says of the window that ends
    with it. `told` is the quality to be told, None where it is not due.
    """

    end: int
    quality: list[float]
    off: bool
    analysed: tuple[int, ...]
    chosen: tuple[int, ...]
    window: RhythmWindow | None = None
    told: list[float] | None = None

    def moved(self) -> list[int]:
        """Give the channels that take another lead from its end on."""
        if self.analysed == self.chosen:
            return []
        return [i for i, (was, now) in enumerate(zip(self.analysed, self.chosen, strict=True)) if was != now]


@dataclass(slots=True)
class Moment:
    """What was decided when all grid samples before `end` were known."""

    end: int
    peaks: list[RPeak] = field(default_factory=list)
    pacing: list[PacerPulse] = field(default_factory=list)
    hop: Hop | None = None


class Block(NamedTuple):
    """What was read at once: its moments in order, and of the two leads analysed the samples and their sharpness."""

    begin: int
    samples: FloatArray
    sharp: FloatArray
    moments: list[Moment]


class _State(msgspec.Struct):
    n_taken: int
    since: list[int]
    meter: bytes
    choice: bytes
    qrs: bytes
    pacing: bytes
    pulses: list[PacerPulse]
    ventricular: bytes


class SignalReader:
    """Reads the conditioned samples of one stream.

    Parameters
    ----------
    qrs_model, vf_model
        The networks; one of each may serve many streams of the same thread.
    settings
        When to change leads.
    """

    def __init__(self, qrs_model: Model, vf_model: Model, settings: LeadSettings) -> None:
        self._settings = settings
        self._qrs = QrsDetector(qrs_model)
        self._pacing = PulseFinder()
        self._ventricular = VentricularDetector(vf_model, N_ANALYSED)
        self.delay = self._qrs.delay
        """Most grid samples from an R peak to its confirmation."""
        self.begin(1)

    def begin(self, n_leads: int) -> None:
        """Begin a signal of so many leads."""
        self._meter = QualityMeter(n_leads)
        self._choice = LeadChoice(n_leads, self._settings)
        self.restart()

    def restart(self) -> None:
        """Begin the signal anew, with the leads chosen before."""
        self._meter.reset()
        self._qrs.reset()
        self._pacing.reset()
        self._pulses: list[PacerPulse] = []
        """Pulses that wait for the end of their hop."""
        self._ventricular.reset()
        self._n_taken = 0
        self._since = [0] * N_ANALYSED
        """Since when each channel holds its lead."""

    def read(self, conditioned: Conditioned) -> Asking[Block]:
        """Take the next samples; give what they complete."""
        begin = self._n_taken
        leads = self._choice.chosen
        hops = self._hops(conditioned)
        samples = self._channels(conditioned.samples, begin, leads, hops)
        sharp = self._channels(conditioned.sharp, begin, leads, hops)
        pulses = self._pacing.process(samples, sharp)
        moments: dict[int, Moment] = {}
        for peak in (yield from self._qrs.asking(samples, pulses)):
            moments.setdefault(peak.decided_at + 1, Moment(peak.decided_at + 1)).peaks.append(peak)
        for hop in hops:
            hop.told = self._told(hop)
            moments.setdefault(hop.end, Moment(hop.end)).hop = hop
        self._pulses += pulses
        for hop in hops:
            moments[hop.end].pacing = [pulse for pulse in self._pulses if pulse.at + PULSE_AFTER < hop.end]
            self._pulses = self._pulses[len(moments[hop.end].pacing) :]
        yield from self._judge(begin, samples, hops)
        return Block(begin, samples, sharp, [moments[end] for end in sorted(moments)])

    def finish(self, conditioned: Conditioned) -> Asking[Block]:
        """Take what stands for samples after the end of the stream; give the peaks that waited for them."""
        begin = self._n_taken
        self._n_taken += len(conditioned.samples)
        samples = self._channels(conditioned.samples, begin, self._choice.chosen, [])
        sharp = self._channels(conditioned.sharp, begin, self._choice.chosen, [])
        pulses = self._pacing.process(samples, sharp)
        peaks = yield from self._qrs.asking(samples, pulses)
        return Block(begin, samples, sharp, [Moment(p.decided_at + 1, [p]) for p in peaks])

    def _hops(self, conditioned: Conditioned) -> list[Hop]:
        """Take samples; judge the hops that they complete."""
        first = self._n_taken // HOP * HOP
        self._n_taken += len(conditioned.samples)
        quality, off = self._meter.measure(conditioned)
        hops = []
        for number, values in enumerate(quality.tolist()):
            analysed = self._choice.chosen
            self._choice.update(LeadQuality(quality[number], off[number]))
            end = first + (number + 1) * HOP
            hops.append(Hop(end, values, all(off[number].tolist()), analysed, self._choice.chosen))
        return hops

    def _judge(self, begin: int, channels: FloatArray, hops: list[Hop]) -> Asking[None]:
        """Take the samples of the two channels; give the hops that they complete the windows that end with them."""
        windows: list[RhythmWindow] = []
        done = begin
        for hop in hops:
            if moved := hop.moved():
                windows += yield from self._ventricular.asking(channels[done - begin : hop.end - begin])
                done = hop.end
            for channel in moved:
                self._ventricular.restart(channel)
        windows += yield from self._ventricular.asking(channels[done - begin :])
        for window in windows:
            hops[window.end // HOP - hops[0].end // HOP].window = window

    def _channels(self, samples: FloatArray, begin: int, leads: tuple[int, ...], hops: list[Hop]) -> FloatArray:
        """Put the leads in use into the channels of the networks: `leads`, then those that `hops` chose."""
        moves = [(hop.end, hop.chosen) for hop in hops if hop.moved()]
        if not moves and leads == tuple(range(samples.shape[1])) and len(leads) == N_ANALYSED:
            return samples
        channels = np.zeros((len(samples), N_ANALYSED), np.float32)
        done = 0
        for end, after in [*moves, (begin + len(samples), leads)]:
            for channel, lead in enumerate(leads):
                channels[done : end - begin, channel] = samples[done : end - begin, lead]
            done, leads = end - begin, after
        return channels

    def _told(self, hop: Hop) -> list[float] | None:
        """Give the quality to be told: of the leads analysed the lower of the rules' and the network's."""
        moved = hop.moved()
        for channel in moved:
            self._since[channel] = hop.end
        if not moved and hop.end % (QUALITY_HOPS * HOP):
            return None
        told = hop.quality.copy()
        seen = self._qrs.quality(hop.end).tolist()
        for channel, lead in enumerate(hop.chosen):
            # The network's answer rests on some seconds of signal: of a lead just taken it knows nothing yet.
            if hop.end - self._since[channel] >= QUALITY_FRAMES * FRAME:
                told[lead] = min(told[lead], seen[channel])
        return told

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(
            _State(
                self._n_taken,
                self._since,
                self._meter.snapshot(),
                self._choice.snapshot(),
                self._qrs.snapshot(),
                self._pacing.snapshot(),
                self._pulses,
                self._ventricular.snapshot(),
            )
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same number of leads."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._n_taken, self._since = s.n_taken, s.since
        self._meter.restore(s.meter)
        self._choice.restore(s.choice)
        self._qrs.restore(s.qrs)
        self._pacing.restore(s.pacing)
        self._pulses = s.pulses
        self._ventricular.restore(s.ventricular)
