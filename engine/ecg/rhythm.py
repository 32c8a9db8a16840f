"""The rhythm, from the beats, the votes of the VT/VF network, and the atrial fibrillation network.

From the most to the least urgent: VF (votes), ASYS (no beat), VT (votes, or a run of ventricular beats), IVR, AFIB, and
what else shows in the beats (`patterns`). Nothing is said before the first beats, or while the signal cannot be read.
"""

from __future__ import annotations

from collections import deque

import msgspec

from heartwire.engine.ecg.morphology import RunMorphology
from heartwire.engine.ecg.patterns import BeatPatterns, PatternSettings
from heartwire.engine.ecg.rhythm_state import UNKNOWN, RhythmState
from heartwire.engine.ecg.ventricular import JUDGED_S
from heartwire.engine.ecg.ventricular_runs import VentricularRuns
from heartwire.engine.messages import Beat, FloatArray, Reason

_LIKELY_WINDOWS = 3
_NONE = RhythmState(UNKNOWN, 0)
_GRAVER = ("VF", "VT", "ASYS", "IVR")
_PATTERNS = PatternSettings()


class RhythmSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a rhythm is recognised."""

    asystole_s: float = 4.0
    """No QRS complex for so long."""
    vt_beats: int = 5
    """Ventricular beats in a row that are ventricular tachycardia,"""
    vt_bpm: float = 100.0
    """when they come faster than this in the mean and break into a slower rhythm of other beats,"""
    run_probability: float = 0.7
    """or come faster than 120 and one of the last windows gives VT and VF this probability."""
    votes_of: int = 6
    """Windows of the fibrillation network that vote, half a second apart."""
    votes_on: int = 4
    """Votes that begin VT or VF."""
    votes_off: int = 1
    """VT or VF ends when no more windows than this vote for it."""
    vote_probability: float = 0.8
    """A window votes for a begin when its probability of VT and VF together reaches this,"""
    hold_probability: float = 0.5
    """and against an end when it reaches this."""
    regular_s: float = 3.0
    """VF becomes VT when a run of beats lasts for so long: alarms must not flap between them."""


class _Window(msgspec.Struct):
    begin_sample: int
    p_vt: float
    p_vf: float


class VentricularVote:
    """k of n windows decide on VT or VF, fewer end it.

    Parameters
    ----------
    settings
        How many.
    """

    def __init__(self, settings: RhythmSettings) -> None:
        self._settings = settings
        self._windows: deque[_Window] = deque(maxlen=settings.votes_of)
        self.label = UNKNOWN

    def window(self, begin_sample: int, p_vt: float, p_vf: float) -> None:
        """Take the probabilities of the next window, which begins at `begin_sample`."""
        s = self._settings
        self._windows.append(_Window(begin_sample, p_vt, p_vf))
        votes = self.votes()
        if len(votes) >= (s.votes_on if self.label == UNKNOWN else s.votes_off + 1):
            vt, vf = sum(w.p_vt for w in votes), sum(w.p_vf for w in votes)
            # Once called, the kind changes only for a clear majority: alarms must not flap between VT and VF.
            if self.label == UNKNOWN:
                self.label = "VF" if vf > vt else "VT"
            elif vf > 2.0 * vt:
                self.label = "VF"
            elif vt > 2.0 * vf:
                self.label = "VT"
        else:
            self.label = UNKNOWN

    def likely(self) -> bool:
        """Tell whether one of the last windows leaves VT or VF possible, or there are none."""
        last = list(self._windows)[-_LIKELY_WINDOWS:]
        return not last or any(w.p_vt + w.p_vf >= self._settings.run_probability for w in last)

    def last_begin(self) -> int:
        """Give the sample at which the last window that votes begins."""
        return max((w.begin_sample for w in self.votes()), default=-1)

    def votes(self) -> list[_Window]:
        """Give the windows that vote for VT or VF: to begin, or to go on once it has begun."""
        s = self._settings
        least = s.vote_probability if self.label == UNKNOWN else s.hold_probability
        return [w for w in self._windows if w.p_vt + w.p_vf >= least]

    def state(self, label: str) -> RhythmState:
        """Give the rhythm voted for, under the label that it is to have."""
        s = self._settings
        # Those that begin it, where it begins with them: once it is called, weaker ones let it go on.
        votes = [w for w in self._windows if w.p_vt + w.p_vf >= s.vote_probability] or self.votes()
        mean = sum(w.p_vt + w.p_vf for w in votes) / len(votes)
        reason: Reason = {"rule": "windows voting", "votes": len(votes), "of": len(self._windows)}
        reason["probability"] = [round(w.p_vt + w.p_vf, 3) for w in votes]
        return RhythmState(label, votes[0].begin_sample, reason, round(mean, 4))

    def interrupt(self) -> None:
        """Forget the windows."""
        self._windows.clear()
        self.label = UNKNOWN

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self.label, list(self._windows)))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self.label, windows = msgspec.msgpack.decode(state, type=tuple[str, list[_Window]])
        self._windows.clear()
        self._windows.extend(windows)


class _Past(msgspec.Struct):
    """What the tracker remembers; `fibrillation` is atrial fibrillation, or where it last ended."""

    state: RhythmState = RhythmState(UNKNOWN, 0)
    fibrillation: RhythmState = _NONE
    last_beat: int = -1
    silent_since: int = -1
    irregular_to: int = -1
    """The last sample at which there was no run of ventricular beats."""


class RhythmTracker:
    """Follows the rhythm of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.
    settings, patterns
        When a rhythm is recognised.
    """

    def __init__(self, rate_hz: float, settings: RhythmSettings, patterns: PatternSettings = _PATTERNS) -> None:
        self.rate_hz = rate_hz
        self._settings = settings
        self._patterns = BeatPatterns(rate_hz, patterns)
        self.vote = VentricularVote(settings)
        self._runs = VentricularRuns(rate_hz, settings.vt_beats, settings.vt_bpm)
        self._morphology = RunMorphology()
        self._past = _Past()

    @property
    def state(self) -> RhythmState:
        """The rhythm now."""
        return self._past.state

    def beat(self, beat: Beat, fibrillation: RhythmState = _NONE, wave: FloatArray | None = None) -> None:
        """Take the next beat, the atrial fibrillation that holds with it, or where it last ended, and its wave."""
        past = self._past
        past.last_beat = beat.sample
        self._runs.beat(beat.sample, ventricular=beat.label == "V")
        past.silent_since = max(past.silent_since, beat.sample)
        past.fibrillation = fibrillation
        self._patterns.beat(beat)
        if wave is not None:
            self._morphology.beat(beat.sample, wave)

    def decide(self, seen_to: int, *, readable: bool) -> RhythmState | None:
        """Decide on the rhythm; give it where it changed.

        Parameters
        ----------
        seen_to
            Every beat before this sample has been given.
        readable
            Whether the signal can be read at all; where it cannot, silence proves nothing.
        """
        past = self._past
        voted = self.vote.label != UNKNOWN
        if past.silent_since < 0 or not readable:
            past.silent_since = max(past.silent_since, seen_to)
        if voted:
            # Fibrillation ended about the middle of the last window that voted for it.
            middle = self.vote.last_begin() + round(0.5 * JUDGED_S * self.rate_hz)
            past.silent_since = max(past.silent_since, min(middle, seen_to))
        new = self._recognise(seen_to) if readable else RhythmState(UNKNOWN, seen_to)
        if not readable or voted or new.label in ("ASYS", "VT"):
            self._patterns.reset()
        if new.label == past.state.label:
            return None
        if new.label == "VT" and (morphology := self._morphology.of_run(new.onset_sample)):
            new = msgspec.structs.replace(new, reason={**new.reason, "morphology": morphology})
        if new.onset_sample <= past.state.onset_sample and past.state.label:
            # A rhythm that a graver one broke into goes on from there; others take the place of what was told before.
            broken = past.state.label in _GRAVER
            new = msgspec.structs.replace(new, onset_sample=past.last_beat if broken else past.state.onset_sample + 1)
        past.state = new
        return new

    def _recognise(self, seen_to: int) -> RhythmState:
        past, s = self._past, self._settings
        silent_s = (seen_to - past.silent_since) / self.rate_hz
        in_run = self._runs.decide(seen_to, likely=self.vote.likely)
        if not in_run:
            past.irregular_to = seen_to
        if self.vote.label != UNKNOWN:
            # Beats that follow each other regularly enough to be found are no fibrillation; a few of it may seem to.
            regular_s = s.regular_s if past.state.label == "VF" else 0.0
            regular = in_run and seen_to - past.irregular_to >= regular_s * self.rate_hz
            return self.vote.state("VT" if regular else self.vote.label)
        if silent_s >= s.asystole_s:
            return RhythmState("ASYS", past.silent_since, {"rule": "no QRS complex", "silent_s": round(silent_s, 3)})
        if self._runs.running:
            reason: Reason = {"rule": "ventricular beats in a row", "beats": self._runs.length}
            return RhythmState("VT", self._runs.onset, reason)
        pattern, fibrillation = self._patterns.state, past.fibrillation
        # Of a paced or an idioventricular rhythm the atria are not told from its intervals.
        if fibrillation.label and pattern.label not in ("IVR", "P"):
            return fibrillation
        if pattern.onset_sample >= fibrillation.onset_sample:
            return pattern
        # What the beats showed while the atria fibrillated holds from its end on.
        return msgspec.structs.replace(pattern, onset_sample=fibrillation.onset_sample)

    def interrupt(self, seen_to: int) -> None:
        """Take note that samples are missing up to `seen_to`: silence and runs begin anew after them."""
        self._past.silent_since = max(self._past.silent_since, seen_to)
        self._runs.interrupt()
        self._patterns.reset()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        parts = self.vote.snapshot(), self._runs.snapshot(), self._patterns.snapshot(), self._morphology.snapshot()
        return msgspec.msgpack.encode((self.rate_hz, self._past, *parts))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        kept = msgspec.msgpack.decode(state, type=tuple[float, _Past, bytes, bytes, bytes, bytes])
        self.rate_hz, self._past, vote, runs, patterns, morphology = kept
        self.vote.restore(vote)
        self._runs.restore(runs)
        self._patterns.restore(patterns)
        self._morphology.restore(morphology)
