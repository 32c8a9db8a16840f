"""The ECG analyser: samples of any rate and leads in; beats, heart rate, rhythm and signal quality out.

Everything after conditioning happens in hops of 40 samples on the 250 Hz grid, counted from where the signal began (or
began again after a gap), never from where a message began: that is why the cutting into messages cannot matter.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from heartwire.engine.ecg.beats import HOP, BeatDetector, DetectedBeat
from heartwire.engine.ecg.conditioning import GRID_HZ, Conditioned, Conditioner
from heartwire.engine.ecg.leads import N_ANALYSED, LeadChoice
from heartwire.engine.ecg.quality import QualityMeter
from heartwire.engine.ecg.rate import LONGEST_INTERVAL_S, RateMeter
from heartwire.engine.ecg.rhythm import RhythmTracker
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.ecg.step import Signal, Step
from heartwire.engine.ecg.ventricular import JUDGED_S, STEP, VentricularDetector
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
)
from heartwire.engine.processor import Processor

BRIDGED_GAP_S = 2.0
"""A gap up to this is bridged: the signal is taken to hold still. After a longer one everything begins anew."""
_STEP_S = 0.12
QUALITY_HOPS = 6
"""Signal quality is told every so many hops: 0.96 s."""


class _Line(msgspec.Struct):
    """The signal in hand: its leads, and where on the stream its first sample lies."""

    rate_hz: float
    leads: tuple[str, ...]
    origin: int
    next_sample: int
    hops: int = 0
    filled: int = 0
    told_label: str = ""
    doubtful: tuple[int, int] = (0, 0)
    """Beats from here to there are not told: they may be the step at the end of a bridged gap."""


class _State(msgspec.Struct):
    line: _Line
    hop: tuple[bytes, bytes, bytes, bytes]
    conditioner: bytes
    meter: bytes
    choice: bytes
    beats: bytes
    ventricular: list[bytes]
    rate: bytes
    rhythm: bytes


class EcgAnalyser(Processor):
    """Analyses one ECG stream.

    Parameters
    ----------
    stream
        The stream's id.
    settings
        What to change where.
    beat_model, vf_model
        The networks; one of each may serve many streams of the same thread.
    """

    def __init__(self, stream: str, settings: EcgSettings, beat_model: Model, vf_model: Model) -> None:
        self.stream = stream
        self._settings = settings
        self._beats = BeatDetector(beat_model)
        self._ventricular = tuple(VentricularDetector(vf_model) for _ in range(N_ANALYSED))
        self._lag = round(self._beats.delay_s * GRID_HZ) - HOP
        self._line: _Line | None = None
        self._input: FloatArray = np.zeros((HOP, N_ANALYSED), np.float32)
        self.algorithmic_delay_s = 5.0 * LONGEST_INTERVAL_S + self._beats.delay_s + Conditioner.delay_s

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item; give the findings it completes."""
        for step in self.steps(item):
            yield from step.findings

    def steps(self, item: Item) -> Iterator[Step]:
        """Take the next item; give each step it completes.

        Raises
        ------
        TypeError
            If the item is none of an ECG stream.
        SourceError
            If the rate or the number of leads is out of range.
        """
        match item:
            case EcgChunk():
                yield from self._chunk(item)
            case Gap():
                yield from self._gap(item.first, item.count)
            case EndOfStream():
                yield from self._finish()
            case _:
                msg = f"an ECG stream takes chunks, gaps and its end, not {type(item).__name__}"
                raise TypeError(msg)

    def _chunk(self, chunk: EcgChunk) -> Iterator[Step]:
        line = self._line
        if line is None or (chunk.rate_hz, chunk.leads) != (line.rate_hz, line.leads):
            line = self._begin(chunk.rate_hz, chunk.leads, chunk.first_sample)
        elif chunk.first_sample > line.next_sample:
            yield from self._gap(line.next_sample, chunk.first_sample - line.next_sample)
        elif chunk.first_sample < line.next_sample:
            # The device counts from another start: what it sends is a new signal.
            line = self._begin(chunk.rate_hz, chunk.leads, chunk.first_sample)
        if chunk.samples.shape[1:] != (len(line.leads),):
            msg = f"samples of shape {chunk.samples.shape} for {len(line.leads)} leads"
            raise ValueError(msg)
        line.next_sample = chunk.end_sample
        # A copy: what comes off the wire is read-only, for which the compiled loops would be compiled once more.
        conditioned = self._conditioner.process(np.array(chunk.samples, np.float32, order="C"))
        chunk.trace.conditioned_ns = time.monotonic_ns()
        yield from self._hops(line, conditioned)
        chunk.trace.inferred_ns = time.monotonic_ns()

    def _begin(self, rate_hz: float, leads: tuple[str, ...], origin: int) -> _Line:
        """Begin a signal of this rate and these leads."""
        rate_hz = float(rate_hz)
        n_leads = len(leads)
        self._conditioner = Conditioner(rate_hz, n_leads)
        self._make_hop(n_leads)
        self._meter = QualityMeter(n_leads)
        self._choice = LeadChoice(n_leads, self._settings.leads)
        self._rate = RateMeter(rate_hz)
        self._rhythm = RhythmTracker(rate_hz, self._settings.rhythm)
        self._restart_networks()
        self._line = _Line(rate_hz, leads, origin, origin)
        return self._line

    def _make_hop(self, n_leads: int) -> None:
        shape = (HOP, n_leads)
        self._hop = Conditioned(
            np.zeros(shape, np.float32),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.bool_),
            np.zeros(shape, np.float32),
        )

    def _restart_networks(self) -> None:
        self._beats.reset()
        for detector in self._ventricular:
            detector.reset()
        self._input.fill(0.0)

    def _gap(self, first: int, count: int) -> Iterator[Step]:
        """Go on after missing samples: bridge a short gap, begin the signal anew after a long one."""
        line = self._line
        if line is None or count <= 0:
            return
        yield Step(first, line.rate_hz, first, "good", self._rhythm.state, missing=(first, count))
        line.next_sample = first + count
        line.doubtful = (first, first + count + round(_STEP_S * line.rate_hz))
        if count <= BRIDGED_GAP_S * line.rate_hz:
            missing = np.full((count, len(line.leads)), np.nan, np.float32)
            yield from self._hops(line, self._conditioner.process(missing))
        else:
            line.origin, line.hops, line.filled = first + count, 0, 0
            self._conditioner.reset()
            self._meter.reset()
            self._restart_networks()
            self._rhythm.vote.interrupt()
        self._rate.interrupt(first + count)
        self._rhythm.interrupt(first + count)

    def _finish(self) -> Iterator[Step]:
        """Give the beats that still wait for their look-ahead: nothing more will come."""
        line = self._line
        if line is None:
            return
        last = line.next_sample - 1
        step = Step(last, line.rate_hz, last, "good", self._rhythm.state)
        count = math.ceil((self._beats.delay_s + Conditioner.delay_s) * line.rate_hz)
        silence = self._conditioner.process(np.full((count, len(line.leads)), np.nan, np.float32))
        for _ in self._full_hops(line, silence):
            for channel, lead in enumerate(self._choice.chosen):
                self._input[:, channel] = self._hop.samples[:, lead]
            for found in self._beats.process(self._input):
                beat = self._beat(line, found, last)
                if beat.sample <= last and not line.doubtful[0] <= beat.sample < line.doubtful[1]:
                    self._tell_beat(step, beat)
        yield step

    def _hops(self, line: _Line, conditioned: Conditioned) -> Iterator[Step]:
        return (self._step(line) for _ in self._full_hops(line, conditioned))

    def _full_hops(self, line: _Line, conditioned: Conditioned) -> Iterator[None]:
        """Fill the hop in hand; stop each time that it is full."""
        at, n = 0, len(conditioned.samples)
        while at < n:
            take = min(HOP - line.filled, n - at)
            for whole, part in zip(self._hop, conditioned, strict=True):
                whole[line.filled : line.filled + take] = part[at : at + take]
            at += take
            line.filled += take
            if line.filled == HOP:
                line.filled = 0
                line.hops += 1
                yield

    def _step(self, line: _Line) -> Step:
        """Analyse the hop in hand."""
        end = line.hops * HOP
        sample = line.origin + math.floor((end - 1) * (line.rate_hz / GRID_HZ))
        quality = self._meter.measure(self._hop)
        before = self._choice.chosen
        moved = self._choice.update(quality)
        chosen = self._choice.chosen
        trust = [float(quality.quality[lead]) for lead in chosen]
        signal: Signal = "good"
        if quality.off.all():
            signal = "off"
        elif max(trust) < self._settings.noisy_below:
            signal = "noisy"
        for channel, lead in enumerate(chosen):
            self._input[:, channel] = self._hop.samples[:, lead]

        seen_to = max(line.origin, self._stream_sample(line, end - self._lag))
        step = Step(sample, line.rate_hz, seen_to, signal, self._rhythm.state)
        if moved or line.hops % QUALITY_HOPS == 0:
            names = tuple(line.leads[lead] for lead in chosen)
            values = tuple(round(float(q), 3) for q in quality.quality)
            step.findings.append(
                SignalQuality(
                    stream=self.stream,
                    sample=sample,
                    decision_sample=sample,
                    leads=line.leads,
                    quality=values,
                    analysed=names,
                )
            )
        for found in self._beats.process(self._input):
            beat = self._beat(line, found, sample)
            if signal != "off" and not line.doubtful[0] <= beat.sample < line.doubtful[1]:
                self._tell_beat(step, beat)
        if moved:
            self._begin_channels([i for i, lead in enumerate(chosen) if lead != before[i]], line)
        self._vote(line, trust, readable=signal == "good")
        self._tell_rhythm(line, step)
        return step

    def _begin_channels(self, channels: list[int], line: _Line) -> None:
        """Begin windows anew where the lead changed, in step with those of the other channel."""
        for channel in channels:
            self._ventricular[channel].reset()
            self._ventricular[channel].process(np.zeros((line.hops - 1) * HOP % STEP, np.float32))

    def _vote(self, line: _Line, trust: list[float], *, readable: bool) -> None:
        """Let the windows that this hop completes vote, each lead with the weight of its quality."""
        weight = p_vt = p_vf = 0.0
        for channel, quality in enumerate(trust):
            for window in self._ventricular[channel].process(self._input[:, channel]):
                weight += quality
                p_vt += quality * window.p_vt
                p_vf += quality * window.p_vf
        if not readable:
            self._rhythm.vote.interrupt()
        elif weight > 0.0:
            begin_sample = self._stream_sample(line, line.hops * HOP - round(JUDGED_S * GRID_HZ))
            self._rhythm.vote.window(max(line.origin, begin_sample), p_vt / weight, p_vf / weight)

    def _stream_sample(self, line: _Line, grid_sample: float) -> int:
        return line.origin + self._conditioner.source_sample(grid_sample)

    def _beat(self, line: _Line, found: DetectedBeat, decision_sample: int) -> Beat:
        return Beat(
            stream=self.stream,
            sample=max(line.origin, self._stream_sample(line, found.at)),
            decision_sample=decision_sample,
            label=found.label,
            confidence=round(found.confidence, 4),
        )

    def _tell_beat(self, step: Step, beat: Beat) -> None:
        step.beats.append(beat)
        step.findings.append(beat)
        self._rhythm.beat(beat)
        if (rate_bpm := self._rate.beat(beat.sample)) is not None:
            step.findings.append(
                HeartRate(
                    stream=self.stream,
                    sample=beat.sample,
                    decision_sample=beat.decision_sample,
                    rate_bpm=round(rate_bpm, 2),
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
        samples, valid, held, high = (array.tobytes() for array in self._hop)
        return msgspec.msgpack.encode(
            _State(
                self._line,
                (samples, valid, held, high),
                self._conditioner.snapshot(),
                self._meter.snapshot(),
                self._choice.snapshot(),
                self._beats.snapshot(),
                [detector.snapshot() for detector in self._ventricular],
                self._rate.snapshot(),
                self._rhythm.snapshot(),
            )
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        if not state:
            self.reset()
            return
        s = msgspec.msgpack.decode(state, type=_State)
        self._begin(s.line.rate_hz, s.line.leads, s.line.origin)
        self._line = s.line
        for array, raw in zip(self._hop, s.hop, strict=True):
            array[...] = np.frombuffer(raw, array.dtype).reshape(array.shape)
        self._conditioner.restore(s.conditioner)
        self._meter.restore(s.meter)
        self._choice.restore(s.choice)
        self._beats.restore(s.beats)
        for detector, raw in zip(self._ventricular, s.ventricular, strict=True):
            detector.restore(raw)
        self._rate.restore(s.rate)
        self._rhythm.restore(s.rhythm)
