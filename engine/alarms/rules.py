"""From what the analyser knows to alarms: one rule for each condition, each with its limits."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from heartwire.engine.alarms.capture import CaptureWatch
from heartwire.engine.alarms.ectopy import Change, EctopyWatch
from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.alarms.limits import AlarmLimits
from heartwire.engine.alarms.verification import Verifier
from heartwire.engine.alarms.withholding import Withholding
from heartwire.engine.ecg.quality import OFF_SEEN_AFTER_S
from heartwire.engine.ecg.rate import MEDIAN_INTERVALS, RateMeter
from heartwire.engine.ecg.step import BRIDGED_GAP_S, Step
from heartwire.engine.messages import AlarmEvent, AlarmInactivation, Beat, Reason

_OF_RHYTHM = {
    "VF": "VF",
    "VFL": "VF",
    "VT": "VT",
    "ASYS": "ASYSTOLE",
    "SVTA": "SVT",
    "IVR": "IDIOVENTRICULAR",
    "B": "BIGEMINY",
    "T": "TRIGEMINY",
}


_WITHOUT_P = ("AFIB", "VF", "VT", "ASYS")


class _Memory(msgspec.Struct):
    """What the rules remember; samples, -1 where there is none."""

    seen_to: int = 0
    rhythm: str = ""
    last_beat: int = -1
    blind_to: int = 0
    within: dict[str, int] = {}
    run_onset: int = -1
    run_beats: int = 0
    off_since: int = -1
    noisy_since: int = -1
    clear_since: int = -1
    fibrillated: int = -1


class EcgAlarms:
    """The alarms of one ECG stream.

    Parameters
    ----------
    stream
        The stream they belong to.
    limits
        At what to alarm.
    verifier
        The verdict asked before alarms of high priority are given; None: they are given.
    """

    def __init__(self, stream: str, limits: AlarmLimits, verifier: Verifier | None = None) -> None:
        self.board = AlarmBoard(stream, limits=limits)
        self._withholding = Withholding(self.board, verifier)
        self._meter = RateMeter(0.0)
        self._ectopy = EctopyWatch(0.0)
        self._capture = CaptureWatch(0.0)
        self._memory = _Memory()

    @property
    def _limits(self) -> AlarmLimits:
        assert self.board.limits is not None
        return self.board.limits

    def step(self, step: Step) -> Iterator[AlarmEvent | AlarmInactivation]:
        """Take the analyser's next step; give the changes of conditions that it brings."""
        yield from self.board.advance(step.sample, step.sample / step.rate_hz)
        if step.rate_hz != self._meter.rate_hz or (step.missing is None and step.seen_to < self._memory.seen_to):
            yield from self._another_signal(step)
        if self._withholding.concerns(step):
            yield from self._withholding.step(step)
        if step.missing is not None:
            yield from self._gap(step, *step.missing)
            return
        if self.board.is_active("GAP") and step.sample >= self._memory.blind_to:
            yield from self._end("GAP", step, {"rule": "samples again"})
        memory = self._memory
        memory.seen_to = step.seen_to
        if step.signal != "good" or memory.off_since >= 0 or memory.noisy_since >= 0 or self.board.is_active("NOISY"):
            yield from self._signal(step)
        if step.rhythm.label != memory.rhythm:
            yield from self._rhythm(step)
        for beat in step.beats:
            yield from self._beat(step, beat)
            yield from self._changes(self._ectopy.beat(beat, step.rhythm.label, self._limits), step)
        if self._ectopy.holds:
            yield from self._changes(self._ectopy.look(step.seen_to), step)
        if self._capture.concerns(step):
            yield from self._changes(self._capture.take(step), step)
        if self.board.busy or step.rhythm.label == "AFIB" or step.block is not None:
            yield from self._fibrillation(step)
            yield from self._conduction(step)
        if memory.last_beat >= 0 and step.seen_to - memory.last_beat >= self._limits.pause_s * step.rate_hz:
            reason: Reason = {"rule": "no beat", "silent_s": round((step.seen_to - memory.last_beat) / step.rate_hz, 3)}
            yield from self._begin("PAUSE", memory.last_beat, step, reason)

    def _begin(self, code: str, onset_sample: int, step: Step, reason: Reason) -> Iterator[AlarmEvent]:
        return self._withholding.begin(code, onset_sample, step, reason)

    def _end(self, code: str, step: Step, reason: Reason) -> Iterator[AlarmEvent]:
        return self._withholding.end(code, step, reason)

    def _another_signal(self, step: Step) -> Iterator[AlarmEvent]:
        """Begin anew where the rate changes or samples go back: nothing that was found holds of what comes."""
        yield from self._withholding.end_all(step, {"rule": "another signal"})
        for code in ("LEAD_OFF", "NOISY"):
            if self.board.is_active(code):
                yield from self._end(code, step, {"rule": "another signal"})
        self._meter = RateMeter(step.rate_hz)
        self._watch_anew(step.rate_hz)
        self._memory = _Memory()

    def _watch_anew(self, rate_hz: float) -> None:
        """Let the watches forget that a condition of theirs is on: it has been ended, and may begin again."""
        self._ectopy = EctopyWatch(rate_hz)
        self._capture = CaptureWatch(rate_hz)

    def _forget_beats(self, until: int) -> None:
        self._meter.interrupt(until)
        self._memory.blind_to = until
        self._memory.last_beat = -1
        self._memory.run_beats = 0
        self._ectopy.interrupt()
        self._capture.interrupt(until)

    def _gap(self, step: Step, first_sample: int, count: int) -> Iterator[AlarmEvent]:
        self._forget_beats(first_sample + count)
        if count > BRIDGED_GAP_S * step.rate_hz:
            yield from self._end("AV_BLOCK", step, {"rule": "samples missing"})
        yield from self._begin("GAP", first_sample, step, {"rule": "samples missing", "samples": count})

    def _signal(self, step: Step) -> Iterator[AlarmEvent]:
        """LEAD_OFF and NOISY; what rests on the signal ends while it cannot be read."""
        memory, limits = self._memory, self._limits
        if step.signal == "off":
            memory.off_since = step.sample if memory.off_since < 0 else memory.off_since
            self._forget_beats(step.sample)
            lasting = step.sample - memory.off_since >= limits.lead_off_s * step.rate_hz
            if lasting and not self.board.is_active("LEAD_OFF"):
                yield from self._withholding.end_all(step, {"rule": "no signal any more"})
                self._watch_anew(step.rate_hz)
                onset = max(0, memory.off_since - round(OFF_SEEN_AFTER_S * step.rate_hz))
                yield from self._begin("LEAD_OFF", onset, step, {"rule": "every lead flat or invalid"})
        else:
            memory.off_since = -1
            yield from self._end("LEAD_OFF", step, {"rule": "a lead carries a signal"})
        if step.signal == "noisy":
            memory.clear_since = -1
            memory.noisy_since = step.sample if memory.noisy_since < 0 else memory.noisy_since
            self._memory.last_beat = -1
            if step.sample - memory.noisy_since >= limits.noisy_s * step.rate_hz:
                yield from self._begin("NOISY", memory.noisy_since, step, {"rule": "every lead noisy"})
        else:
            memory.noisy_since = -1
            memory.clear_since = step.sample if memory.clear_since < 0 else memory.clear_since
            if step.sample - memory.clear_since >= limits.noisy_s * step.rate_hz or step.signal == "off":
                yield from self._end("NOISY", step, {"rule": "a lead can be read"})

    def _rhythm(self, step: Step) -> Iterator[AlarmEvent]:
        """ASYSTOLE, VF, VT, SVT, IDIOVENTRICULAR, BIGEMINY and TRIGEMINY follow the rhythm."""
        before = _OF_RHYTHM.get(self._memory.rhythm)
        now = _OF_RHYTHM.get(step.rhythm.label)
        self._memory.rhythm = step.rhythm.label
        self._memory.last_beat = -1
        if before in ("VF", "VT"):
            # What was taken for beats then tells nothing of the rate now.
            self._forget_beats(step.seen_to)
        if before != now and before is not None:
            yield from self._end(before, step, {"rule": f"rhythm is {step.rhythm.label or 'not known'}"})
        if before != now and now is not None:
            yield from self._begin(now, step.rhythm.onset_sample, step, step.rhythm.reason)

    def _fibrillation(self, step: Step) -> Iterator[AlarmEvent]:
        """AF begins when its rhythm has lasted, and outlasts it by a while: what comes and goes is one condition."""
        if step.rhythm.label == "AFIB":
            self._memory.fibrillated = step.seen_to
            lasted_s = (step.seen_to - step.rhythm.onset_sample) / step.rate_hz
            if lasted_s >= self._limits.af_begin_s and not self.board.is_active("AF"):
                lasting: Reason = {**step.rhythm.reason, "lasted_s": round(lasted_s, 1)}
                yield from self._begin("AF", step.rhythm.onset_sample, step, lasting)
        elif (
            self.board.state("AF") != "off"
            and step.seen_to - self._memory.fibrillated >= self._limits.af_end_s * step.rate_hz
        ):
            reason: Reason = {"rule": "rhythm not fibrillation any more", "for_s": self._limits.af_end_s}
            yield from self._end("AF", step, reason)

    def _conduction(self, step: Step) -> Iterator[AlarmEvent]:
        """AV_BLOCK holds while P waves outnumber the beats, in a rhythm that has such."""
        if step.block is not None and step.rhythm.label not in _WITHOUT_P:
            if not self.board.is_active("AV_BLOCK"):
                since, atrial_bpm, ventricular_bpm = step.block
                rates: Reason = {"atrial_bpm": atrial_bpm, "ventricular_bpm": ventricular_bpm}
                yield from self._begin("AV_BLOCK", since, step, {"rule": "more P waves than QRS complexes", **rates})
        elif self.board.is_active("AV_BLOCK"):
            rule = "no more P waves than QRS complexes found"
            if step.signal == "off":
                rule = "no lead carries a signal"
            elif step.rhythm.label in _WITHOUT_P:
                rule = f"rhythm is {step.rhythm.label}"
            yield from self._end("AV_BLOCK", step, {"rule": rule})

    def _changes(self, changes: Iterator[Change], step: Step) -> Iterator[AlarmEvent]:
        for change in changes:
            if change.onset_sample is None:
                yield from self._end(change.code, step, change.reason)
            else:
                yield from self._begin(change.code, change.onset_sample, step, change.reason)

    def _beat(self, step: Step, beat: Beat) -> Iterator[AlarmEvent]:
        """PAUSE, V_RUN and the limits of the heart rate are judged at each beat."""
        memory, limits = self._memory, self._limits
        if beat.sample >= memory.blind_to:
            memory.last_beat = beat.sample
        yield from self._end("PAUSE", step, {"rule": "a beat"})
        if beat.label == "V":
            memory.run_onset = memory.run_onset if memory.run_beats else beat.sample
            memory.run_beats += 1
            if memory.run_beats == limits.run_beats:
                reason: Reason = {"rule": "ventricular beats in a row", "beats": memory.run_beats}
                yield from self._begin("V_RUN", memory.run_onset, step, reason)
        elif memory.run_beats:
            memory.run_beats = 0
            yield from self._end("V_RUN", step, {"rule": "another beat"})
        median_bpm = self._meter.beat(beat.sample)
        yield from self._limit("TACHY", median_bpm, limits.tachy_bpm, 1, step, MEDIAN_INTERVALS)
        yield from self._limit("BRADY", median_bpm, limits.brady_bpm, -1, step, MEDIAN_INTERVALS)
        for code, n_beats, limit_bpm, side in (
            ("EXTREME_TACHY", limits.extreme_tachy_beats, limits.extreme_tachy_bpm, 1),
            ("EXTREME_BRADY", limits.extreme_brady_beats, limits.extreme_brady_bpm, -1),
        ):
            yield from self._limit(code, self._meter.median_bpm(n_beats), limit_bpm, side, step, n_beats - 1)

    def _limit(
        self, code: str, bpm: float | None, limit_bpm: float, side: int, step: Step, intervals: int
    ) -> Iterator[AlarmEvent]:
        """Compare a rate with its limit; `side` is 1 for an upper limit, -1 for a lower one."""
        if bpm is None:
            return
        beyond = side * (bpm - limit_bpm)
        if self.board.is_active(code):
            within = self._memory.within.get(code, 0) + 1 if beyond < -self._limits.hysteresis_bpm else 0
            self._memory.within[code] = within
            if within >= self._limits.hysteresis_beats:
                yield from self._end(code, step, {"rule": "rate within its limit", "rate_bpm": round(bpm, 2)})
        elif beyond > 0:
            onset = self._since(limit_bpm, side, intervals)
            self._memory.within[code] = 0
            reason: Reason = {"rule": "rate beyond its limit", "rate_bpm": round(bpm, 2), "limit_bpm": limit_bpm}
            yield from self._begin(code, onset, step, reason)

    def _since(self, limit_bpm: float, side: int, intervals: int) -> int:
        """Give the beat from which on every interval is beyond the limit, so many intervals ago at most."""
        samples = self._meter.samples
        first = len(samples) - 1
        earliest = max(0, first - intervals)
        at_limit = 60.0 * self._meter.rate_hz / limit_bpm
        while first > earliest and side * (at_limit - (samples[first] - samples[first - 1])) > 0:
            first -= 1
        return samples[first]

    def reset(self) -> None:
        """Forget everything."""
        self.board.reset()
        self._withholding.reset()
        self._meter = RateMeter(0.0)
        self._watch_anew(0.0)
        self._memory = _Memory()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        watches = self._meter.snapshot(), self._ectopy.snapshot(), self._capture.snapshot()
        return msgspec.msgpack.encode((self.board.snapshot(), self._withholding.snapshot(), *watches, self._memory))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        kept = msgspec.msgpack.decode(state, type=tuple[bytes, bytes, bytes, bytes, bytes, _Memory])
        board, withholding, meter, ectopy, capture, self._memory = kept
        self.board.restore(board)
        self._withholding.restore(withholding)
        self._meter.restore(meter)
        self._ectopy.restore(ectopy)
        self._capture.restore(capture)
