"""The ECG analyser: samples of any rate and leads in; beats, heart rate, rhythm and signal quality out.

What the samples say is read block by block (`reading`); everything that is decided on it here happens at moments
counted from where the signal began (or began again after a gap), never from where a message began: that is why the
cutting into messages cannot matter.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable

import msgspec
import numpy as np

from heartwire.engine.ecg.channels import Channels, split
from heartwire.engine.ecg.conditioning import GRID_HZ, Conditioner
from heartwire.engine.ecg.conduction import MOST_WAITING, AvBlock, ConductionMeter
from heartwire.engine.ecg.fibrillation import FibrillationDetector
from heartwire.engine.ecg.pulse_channels import PulseMeter
from heartwire.engine.ecg.qrs import RPeak
from heartwire.engine.ecg.rate import LONGEST_INTERVAL_S, RateMeter
from heartwire.engine.ecg.reading import Hop, Moment, SignalReader
from heartwire.engine.ecg.rhythm import RhythmTracker
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.ecg.slots import FRAME
from heartwire.engine.ecg.st_segment import StMeter
from heartwire.engine.ecg.step import BRIDGED_GAP_S, Signal, Step
from heartwire.engine.ecg.telling import BeatTeller
from heartwire.engine.inference import Model
from heartwire.engine.messages import (
    Beat,
    EcgChunk,
    EndOfStream,
    Finding,
    FloatArray,
    Gap,
    HeartRate,
    Item,
    Rhythm,
    SignalQuality,
    StLevels,
)
from heartwire.engine.processor import Processor
from heartwire.engine.stacking import Asking, alone

_STEP_S = 0.12


class _Line(msgspec.Struct):
    """The signal in hand: its channels, and where on the stream its first sample lies."""

    rate_hz: float
    names: tuple[str, ...]
    channels: Channels
    origin: int
    next_sample: int
    signal: Signal = "good"
    """As the last hop found it."""
    told_label: str = ""
    doubtful: tuple[int, int] = (0, 0)
    """Beats from here to there are not told: they may be the step at the end of a bridged gap."""

    @property
    def leads(self) -> tuple[str, ...]:
        """The names of the ECG leads."""
        return tuple(self.names[i] for i in self.channels.ecg)


class _State(msgspec.Struct):
    line: _Line
    waiting: bytes
    conditioner: bytes
    reader: bytes
    pulses: bytes
    beats: bytes
    rate: bytes
    rhythm: bytes
    fibrillation: bytes
    conduction: bytes
    st: bytes


class EcgAnalyser(Processor):
    """Analyses one ECG stream.

    Parameters
    ----------
    stream
        The stream's id.
    settings
        What to change where.
    qrs_model, beat_model, vf_model
        The networks; one of each may serve many streams of the same thread.
    fibrillation
        Is told every beat and tells atrial fibrillation.
    """

    def __init__(
        self,
        stream: str,
        settings: EcgSettings,
        qrs_model: Model,
        beat_model: Model,
        vf_model: Model,
        fibrillation: FibrillationDetector,
    ) -> None:
        self.stream = stream
        self._settings = settings
        self._reader = SignalReader(qrs_model, vf_model, settings.leads)
        self._beats = BeatTeller(stream, beat_model, self._reader.signal)
        self._fibrillation = fibrillation
        self._conduction = ConductionMeter()
        self._line: _Line | None = None
        self._waiting: list[FloatArray] = []
        """Samples not conditioned yet."""
        self._delay_s = self._reader.delay / GRID_HZ + Conditioner.delay_s
        self.algorithmic_delay_s = 5.0 * LONGEST_INTERVAL_S + self._delay_s

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item; give the findings it completes."""
        for step in self.steps(item):
            yield from step.findings

    def steps(self, item: Item) -> list[Step]:
        """Do what `asking_steps` does, for this stream alone."""
        return alone(self.asking_steps(item))

    def asking_steps(self, item: Item) -> Asking[list[Step]]:
        """Take the next item; give the steps it completes.

        Raises
        ------
        TypeError
            If the item is none of an ECG stream.
        SourceError
            If the rate or the number of leads is out of range.
        """
        match item:
            case EcgChunk():
                return (yield from self._chunk(item))
            case Gap():
                return (yield from self._gap(item.first, item.count))
            case EndOfStream():
                return (yield from self._finish())
            case _:
                msg = f"an ECG stream takes chunks, gaps and its end, not {type(item).__name__}"
                raise TypeError(msg)

    def _chunk(self, chunk: EcgChunk) -> Asking[list[Step]]:
        line = self._line
        steps: list[Step] = []
        if line is None or (chunk.rate_hz, chunk.leads) != (line.rate_hz, line.names):
            line = self._begin(chunk.rate_hz, chunk.leads, chunk.first_sample)
        elif chunk.first_sample > line.next_sample:
            steps += yield from self._gap(line.next_sample, chunk.first_sample - line.next_sample)
        elif chunk.first_sample < line.next_sample:
            # The device counts from another start: what it sends is a new signal.
            line = self._begin(chunk.rate_hz, chunk.leads, chunk.first_sample)
        if chunk.samples.shape[1:] != (len(line.names),):
            msg = f"samples of shape {chunk.samples.shape} for {len(line.names)} leads"
            raise ValueError(msg)
        line.next_sample = chunk.end_sample
        # A copy: what comes off the wire is read-only, for which the compiled loops would be compiled once more.
        if line.channels.pulse:
            self._pulses.push(chunk.samples[:, line.channels.pulse])
            self._waiting.append(np.ascontiguousarray(chunk.samples[:, line.channels.ecg], np.float32))
        else:
            self._waiting.append(np.array(chunk.samples, np.float32, order="C"))
        self._st.push(chunk.first_sample, self._waiting[-1])
        if (ready := self._ready()) is not None:
            steps += yield from self._analyse(line, ready)
            chunk.trace.conditioned_ns = self._reader.conditioned_ns
            chunk.trace.inferred_ns = time.monotonic_ns()
        return steps

    def _ready(self) -> FloatArray | None:
        """Give the samples that wait, once they complete a frame of the QRS network: nothing is decided before."""
        n_waiting = sum(map(len, self._waiting))
        n_frames = self._conditioner.n_grid // FRAME + 1
        if self._conditioner.n_source + n_waiting < self._conditioner.needed(n_frames * FRAME):
            return None
        samples = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        self._waiting.clear()
        return samples

    def _begin(self, rate_hz: float, leads: tuple[str, ...], origin: int) -> _Line:
        """Begin a signal of this rate and these channels."""
        rate_hz, channels = float(rate_hz), split(leads)
        self._conditioner = Conditioner(rate_hz, len(channels.ecg))
        self._waiting.clear()
        self._reader.begin(self._conditioner)
        self._pulses = PulseMeter(rate_hz, len(channels.pulse), origin)
        self._beats.reset()
        self._rate = RateMeter(rate_hz)
        self._st = StMeter(rate_hz, len(channels.ecg))
        self._fibrillation.reset()
        self._conduction.reset()
        self._rhythm = RhythmTracker(rate_hz, self._settings.rhythm, self._settings.patterns)
        self._line = _Line(rate_hz, leads, channels, origin, origin)
        return self._line

    def _gap(self, first: int, count: int) -> Asking[list[Step]]:
        """Go on after missing samples: bridge a short gap, begin the signal anew after a long one."""
        line = self._line
        if line is None or count <= 0:
            return []
        steps = [Step(first, line.rate_hz, first, "good", self._rhythm.state, missing=(first, count))]
        line.next_sample = first + count
        line.doubtful = (first, first + count + round(_STEP_S * line.rate_hz))
        self._beats.interrupt()
        self._fibrillation.interrupt()
        self._st.interrupt()
        self._conduction.interrupt(self._conditioner.grid_sample(first + count - line.origin))
        if count <= BRIDGED_GAP_S * line.rate_hz:
            self._waiting.append(np.full((count, len(line.channels.ecg)), np.nan, np.float32))
            self._pulses.push(np.full((count, len(line.channels.pulse)), np.nan, np.float32))
            if (ready := self._ready()) is not None:
                steps += yield from self._analyse(line, ready)
        else:
            line.origin, line.signal = first + count, "good"
            self._waiting.clear()
            self._reader.restart()
            self._pulses.restart(first + count)
            self._beats.reset()
            self._conduction.reset()
            self._rhythm.vote.interrupt()
        self._rate.interrupt(first + count)
        self._rhythm.interrupt(first + count)
        return steps

    def _finish(self) -> Asking[list[Step]]:
        """Give the beats that still wait for their look-ahead: nothing more will come."""
        line = self._line
        if line is None:
            return []
        last = line.next_sample - 1
        step = Step(last, line.rate_hz, last, line.signal, self._rhythm.state)
        count = math.ceil(self._delay_s * line.rate_hz)
        silence = np.full((count, len(line.channels.ecg)), np.nan, np.float32)
        moments = yield from self._reader.finish(np.concatenate((*self._waiting, silence)))
        self._waiting.clear()
        for moment in moments:
            for peak in moment.peaks:
                if line.signal != "off" and peak.confirmed and self._place(line, peak) <= last:
                    yield from self._tell(line, step, peak)
        step.block = self._block(line)
        return [step]

    def _analyse(self, line: _Line, samples: FloatArray) -> Asking[list[Step]]:
        """Read the samples, and decide at each moment that they complete."""
        moments = yield from self._reader.read(samples)
        steps = []
        for moment in moments:
            step = yield from self._step(line, moment)
            steps.append(step)
        if self._reader.signal.n - self._conduction.n > MOST_WAITING:
            self._catch_up(self._reader.signal.n)
        return steps

    def _catch_up(self, n: int) -> None:
        """Let the conduction have the signal up to row `n`."""
        self._conduction.push(self._reader.signal.rows(self._conduction.n, n))

    def _step(self, line: _Line, moment: Moment) -> Asking[Step]:
        """Decide what is known at one moment."""
        sample = line.origin + self._conditioner.needed(moment.end) - 1
        hop = moment.hop
        if hop is not None:
            line.signal = self._signal(hop)
        seen_to = max(line.origin, self._stream_sample(line, moment.end - self._reader.delay))
        step = Step(sample, line.rate_hz, seen_to, line.signal, self._rhythm.state, hop=hop)
        step.pulses = self._pulses.take(sample)
        if hop is not None and hop.told is not None:
            step.findings.append(
                SignalQuality(
                    stream=self.stream,
                    sample=sample,
                    decision_sample=sample,
                    leads=line.leads,
                    quality=tuple(round(q, 3) for q in hop.told),
                    analysed=tuple(line.leads[lead] for lead in hop.chosen),
                )
            )
        if line.signal != "off":
            for peak in moment.peaks:
                yield from self._tell(line, step, peak)
            for pulse in moment.pacing:
                step.spikes.append(pulse._replace(at=self._stream_sample(line, pulse.at)))
        if hop is not None:
            self._vote(line, hop)
        if line.signal == "off":
            self._conduction.forget(moment.end)
        step.block = self._block(line)
        self._tell_rhythm(line, step)
        return step

    def _block(self, line: _Line) -> AvBlock | None:
        block = self._conduction.block
        return block and block._replace(since=self._stream_sample(line, block.since))

    def _signal(self, hop: Hop) -> Signal:
        if hop.off:
            return "off"
        return "noisy" if max(hop.quality[lead] for lead in hop.chosen) < self._settings.noisy_below else "good"

    def _vote(self, line: _Line, hop: Hop) -> None:
        """Let the window that this hop completes vote, each lead with the weight of its quality."""
        if line.signal != "good":
            self._rhythm.vote.interrupt()
        elif (window := hop.window) is not None:
            weight = p_vt = p_vf = 0.0
            for channel, lead in enumerate(hop.analysed):
                if window.whole[channel]:
                    quality = hop.quality[lead]
                    weight += quality
                    p_vt += quality * window.p_vt[channel]
                    p_vf += quality * window.p_vf[channel]
            if weight > 0.0:
                begin_sample = max(line.origin, self._stream_sample(line, window.begin))
                self._rhythm.vote.window(begin_sample, p_vt / weight, p_vf / weight)

    def _stream_sample(self, line: _Line, grid_sample: float) -> int:
        return line.origin + self._conditioner.source_sample(grid_sample)

    def _place(self, line: _Line, peak: RPeak) -> int:
        return max(line.origin, self._stream_sample(line, peak.at))

    def _tell(self, line: _Line, step: Step, peak: RPeak) -> Asking[None]:
        """Tell a beat, and what follows from it."""
        sample = self._place(line, peak)
        if line.doubtful[0] <= sample < line.doubtful[1]:
            return
        if not peak.confirmed:
            step.findings.append(self._beats.provisional(peak, sample, step.sample))
            return
        self._catch_up(peak.decided_at + 1)
        self._conduction.beat(peak.seen_at)
        for beat in (yield from self._beats.confirmed(peak, sample, step.sample, line.rate_hz)):
            step.findings.append(beat)
            self._measure_st(line, step, beat)
            fibrillation = yield from self._fibrillation.beat(beat, line.rate_hz, self._beats.wave)
            if beat.stage == "confirmed":
                step.beats.append(beat)
                self._rhythm.beat(beat, fibrillation, self._beats.wave)
        if (rate_bpm := self._rate.beat(sample)) is not None:
            step.findings.append(
                HeartRate(stream=self.stream, sample=sample, decision_sample=step.sample, rate_bpm=round(rate_bpm, 2))
            )

    def _measure_st(self, line: _Line, step: Step, beat: Beat) -> None:
        if beat.stage == "revised":
            self._st.revise(beat.label == "N")
        elif (told := self._st.beat(beat.sample, beat.label == "N")) is not None:
            step.findings.append(
                StLevels(
                    stream=self.stream,
                    sample=beat.sample,
                    decision_sample=step.sample,
                    leads=line.leads,
                    level_mv=told[0],
                    beats=told[1],
                )
            )

    def _tell_rhythm(self, line: _Line, step: Step) -> None:
        changed = self._rhythm.decide(step.seen_to, readable=step.signal == "good")
        if changed is None:
            return
        if step.rhythm.label == "VF":
            self._rate.interrupt(step.seen_to)
        step.rhythm = changed
        if changed.label and changed.label != line.told_label:
            line.told_label = changed.label
            step.findings.append(
                Rhythm(
                    stream=self.stream,
                    sample=changed.onset_sample,
                    decision_sample=step.sample,
                    label=changed.label,
                    confidence=changed.confidence,
                )
            )

    def reset(self) -> None:
        """Return to the state of a fresh analyser."""
        self._line = None

    def snapshot(self) -> bytes:
        """Give the whole state."""
        if self._line is None:
            return b""
        return msgspec.msgpack.encode(
            _State(
                self._line,
                b"".join(samples.tobytes() for samples in self._waiting),
                self._conditioner.snapshot(),
                self._reader.snapshot(),
                self._pulses.snapshot(),
                self._beats.snapshot(),
                self._rate.snapshot(),
                self._rhythm.snapshot(),
                self._fibrillation.snapshot(),
                self._conduction.snapshot(),
                self._st.snapshot(),
            )
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        if not state:
            self.reset()
            return
        s = msgspec.msgpack.decode(state, type=_State)
        self._begin(s.line.rate_hz, s.line.names, s.line.origin)
        self._line = s.line
        if s.waiting:
            self._waiting.append(np.frombuffer(s.waiting, np.float32).reshape(-1, len(s.line.channels.ecg)).copy())
        self._conditioner.restore(s.conditioner)
        self._reader.restore(s.reader)
        self._pulses.restore(s.pulses)
        self._beats.restore(s.beats)
        self._rate.restore(s.rate)
        self._rhythm.restore(s.rhythm)
        self._fibrillation.restore(s.fibrillation)
        self._conduction.restore(s.conduction)
        self._st.restore(s.st)
