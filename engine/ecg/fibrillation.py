"""Atrial fibrillation: at each beat a network says how far the last thirty belong to it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from heartwire.engine.ecg.last_beats import N_BEATS, Array, LastBeats
from heartwire.engine.ecg.rhythm_state import UNKNOWN, RhythmState
from heartwire.engine.inference import Model
from heartwire.engine.messages import Beat, Reason
from heartwire.engine.stacking import Asking, Question

LABEL = "AFIB"


class FibrillationSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When atrial fibrillation begins and ends."""

    least_beats: int = 10
    """No decision on fewer beats."""
    begin_early: float = 0.9
    """On so few it begins when the probability reaches this,"""
    begin: float = 0.55
    """on a whole window this, and between the two in proportion;"""
    end: float = 0.35
    """it ends when it falls below this."""


class Decision(msgspec.Struct, frozen=True):
    """AFIB and where it began, or no label and where it ended; and since when it has been likely (-1: it is not)."""

    state: RhythmState = RhythmState(UNKNOWN, 0)
    likely_since: int = -1


def decide(before: Decision, p: float, samples: Sequence[int], settings: FibrillationSettings) -> Decision:
    """Decide whether atrial fibrillation begins, goes on or ends.

    Parameters
    ----------
    before
        What held with the beat before.
    p
        Probability that a beat of the window belongs to it.
    samples
        R peaks of the window, oldest first.
    settings
        When it begins and ends.
    """
    n, s, state = len(samples), settings, before.state
    fibrillates = state.label == LABEL
    early = (N_BEATS - n) / max(N_BEATS - s.least_beats, 1)
    begin = s.begin + (s.begin_early - s.begin) * early
    if n < s.least_beats:
        return before
    # Most of the window's beats belong to the new rhythm since about its middle; to a window not full yet, all.
    changed = max(samples[n // 2 if n == N_BEATS else 0], state.onset_sample)
    likely_since = -1 if p < s.end else changed if before.likely_since < 0 else before.likely_since
    if p >= s.end if fibrillates else p < begin:
        return Decision(state, likely_since)
    if fibrillates:
        return Decision(RhythmState(UNKNOWN, changed))
    reason: Reason = {"rule": "irregular intervals, no P waves", "beats": n, "probability": round(p, 4)}
    return Decision(RhythmState(LABEL, likely_since, reason, round(p, 4)), likely_since)


class FibrillationDetector:
    """Follows atrial fibrillation in one stream.

    Parameters
    ----------
    model
        The fibrillation model; one may serve many streams of the same thread.
    settings
        When it begins and ends.
    """

    def __init__(self, model: Model, settings: FibrillationSettings) -> None:
        self._stack = model.stack
        self._settings = settings
        self._beats = LastBeats()
        self._decision = Decision()

    def reset(self) -> None:
        """Return to the state of a fresh detector."""
        self._beats.reset()
        self._decision = Decision()

    def interrupt(self) -> None:
        """Take note that samples are missing: the interval to the next beat tells nothing."""
        self._beats.interrupt()

    def beat(self, beat: Beat, rate_hz: float, wave: Array) -> Asking[RhythmState]:
        """Take a beat as it is told.

        Parameters
        ----------
        beat
            Confirmed; or revised, which must be the last one confirmed.
        rate_hz
            Samples a second.
        wave
            (CHANNELS, n_points) at 125 Hz from 368 ms before R on, of a confirmed beat.

        Returns
        -------
        AFIB and where it began; or no label, and where it ended.
        """
        if beat.stage == "revised":
            self._beats.revise(beat.sample, beat.label)
            return self._decision.state
        self._beats.beat(beat.sample, rate_hz, beat.label, wave)
        answer = yield Question(self._stack, {"features": self._beats.features()})
        p = float(answer.rows("fibrillation")[0, 0])
        self._decision = decide(self._decision, p, self._beats.samples, self._settings)
        return self._decision.state

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self._decision, self._beats.snapshot()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._decision, beats = msgspec.msgpack.decode(state, type=tuple[Decision, bytes])
        self._beats.restore(beats)
