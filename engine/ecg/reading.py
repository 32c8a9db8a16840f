"""What can be read from the conditioned samples: quality, leads to analyse, R peaks, windows of the VT/VF network.

Each sample is taken in as few calls as the networks allow, whatever arrived at once. What is read belongs to moments of
the 250 Hz grid, counted from where the signal began (or began again after a gap): the end of a network frame that
decided on R peaks, and the end of each hop of 40 samples. That is why the cutting into messages cannot matter.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import msgspec

from heartwire.engine.ecg.conditioning import GRID_HZ, Conditioner
from heartwire.engine.ecg.intake import Intake, Taken
from heartwire.engine.ecg.leads import N_ANALYSED, LeadChoice, LeadSettings
from heartwire.engine.ecg.pacing import AFTER as PULSE_AFTER
from heartwire.engine.ecg.pacing import ROWS, PacerPulse, PulseFinder
from heartwire.engine.ecg.qrs import QUALITY_FRAMES, QrsDetector, RPeak
from heartwire.engine.ecg.quality import HOP, LeadQuality, QualityMeter
from heartwire.engine.ecg.slots import FRAME
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.ecg.ventricular import WINDOW, RhythmWindow, VentricularDetector
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


class _State(msgspec.Struct):
    since: list[int]
    meter: bytes
    choice: bytes
    qrs: bytes
    signal: bytes
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
        self.signal = Tail(WINDOW, ROWS)
        """The two leads analysed and their sharpness, one row a grid sample, for all who look back."""
        self._qrs = QrsDetector(qrs_model, self.signal)
        self._pacing = PulseFinder(self.signal)
        self._ventricular = VentricularDetector(vf_model, N_ANALYSED, self.signal)
        self.delay = self._qrs.delay
        """Most grid samples from an R peak to its confirmation."""
        self.conditioned_ns = 0
        """When the last samples were conditioned."""
        self.begin(Conditioner(GRID_HZ, 1))

    def begin(self, conditioner: Conditioner) -> None:
        """Begin a signal of so many leads as this one conditions, which is reset where the signal begins anew."""
        n_leads = conditioner.n_leads
        self._meter = QualityMeter(n_leads)
        self._choice = LeadChoice(n_leads, self._settings)
        self._intake = Intake(conditioner, self._meter, self.signal)
        self.restart()

    def restart(self) -> None:
        """Begin the signal anew, with the leads chosen before."""
        self._intake.conditioner.reset()
        self._meter.reset()
        self._qrs.reset()
        self.signal.reset()
        self._pulses: list[PacerPulse] = []
        """Pulses that wait for the end of their hop."""
        self._ventricular.reset()
        self._since = [0] * N_ANALYSED
        """Since when each channel holds its lead."""

    def read(self, samples: FloatArray) -> Asking[list[Moment]]:
        """Take the next source samples, (n_samples, n_leads) mV; give the moments that they complete, in order."""
        begin, leads = self.signal.n, self._choice.chosen
        taken = yield from self._intake.asking(samples, leads)
        self.conditioned_ns = time.monotonic_ns()
        hops = self._hops(taken, begin) if taken.n_hops else []
        pulses = taken.pulses
        if any(hop.analysed != hop.chosen for hop in hops):
            pulses = self._change_leads(taken.numbers, leads, hops, begin)
        moments: dict[int, Moment] = {}
        for peak in (yield from self._qrs.asking(pulses)):
            moments.setdefault(peak.decided_at + 1, Moment(peak.decided_at + 1)).peaks.append(peak)
        self._pulses += pulses
        for hop in hops:
            hop.told = self._told(hop)
            moment = moments.setdefault(hop.end, Moment(hop.end))
            moment.hop = hop
            if self._pulses:
                moment.pacing = [pulse for pulse in self._pulses if pulse.at + PULSE_AFTER < hop.end]
                self._pulses = self._pulses[len(moment.pacing) :]
        if hops:
            # A window ends with a hop.
            yield from self._judge(hops)
        return [moments[end] for end in sorted(moments)]

    def finish(self, samples: FloatArray) -> Asking[list[Moment]]:
        """Take what stands for samples after the end of the stream; give the peaks that waited for them."""
        taken = yield from self._intake.asking(samples, self._choice.chosen)
        peaks = yield from self._qrs.asking(taken.pulses)
        return [Moment(p.decided_at + 1, [p]) for p in peaks]

    def _hops(self, taken: Taken, begin: int) -> list[Hop]:
        """Judge the hops that samples complete, of which the first has the number `begin`."""
        hops: list[Hop] = []
        end = begin // HOP * HOP
        for values, off in zip(taken.quality, taken.off, strict=True):
            analysed = self._choice.chosen
            self._choice.update(LeadQuality(values, off))
            end += HOP
            hops.append(Hop(end, values.tolist(), all(off.tolist()), analysed, self._choice.chosen))
        return hops

    def _change_leads(
        self, numbers: FloatArray, leads: tuple[int, ...], hops: list[Hop], begin: int
    ) -> list[PacerPulse]:
        """Put `leads`, and then those that hops chose, into the signal from `begin` on; give the pulses in them."""
        samples, _, sharp = numbers
        rows = self.signal.rows(begin, self.signal.n)
        rows[:] = 0.0
        done = 0
        moved = [(hop.end - begin, hop.chosen) for hop in hops if hop.analysed != hop.chosen]
        for end, after in [*moved, (len(rows), leads)]:
            for channel, lead in enumerate(leads):
                rows[done:end, channel] = samples[done:end, lead]
                rows[done:end, N_ANALYSED + channel] = sharp[done:end, lead]
            done, leads = end, after
        return self._pacing.find(begin)

    def _judge(self, hops: list[Hop]) -> Asking[None]:
        """Give the hops the windows of the VT/VF network that end with them."""
        windows: list[RhythmWindow] = []
        for hop in hops:
            if moved := hop.moved():
                windows += yield from self._ventricular.asking(hop.end)
            for channel in moved:
                self._ventricular.restart(channel)
        windows += yield from self._ventricular.asking(hops[-1].end)
        for window in windows:
            hops[window.end // HOP - hops[0].end // HOP].window = window

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
                self._since,
                self._meter.snapshot(),
                self._choice.snapshot(),
                self._qrs.snapshot(),
                self.signal.snapshot(),
                self._pulses,
                self._ventricular.snapshot(),
            )
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same number of leads."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._since = s.since
        self._meter.restore(s.meter)
        self._choice.restore(s.choice)
        self._qrs.restore(s.qrs)
        self.signal.restore(s.signal)
        self._pulses = s.pulses
        self._ventricular.restore(s.ventricular)
