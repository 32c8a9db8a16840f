"""Rhythms that show in the classes and intervals of the beats alone: N, B, T, IVR, SVTA, P.

- B, T (bigeminy, trigeminy): every second or third beat is ventricular, three times in a row.
- IVR (idioventricular rhythm): ventricular beats in a row, none of them fast.
- SVTA (supraventricular tachycardia): early beats in a row; or fast and regular ones, begun within a beat or faster
  than a sinus node.
- P (paced): most beats are.
- N: beats without such a pattern.
"""

from __future__ import annotations

from statistics import median

import msgspec

from heartwire.engine.ecg.rhythm_state import UNKNOWN, RhythmState
from heartwire.engine.messages import Beat, Reason

_SINUS_BEATS = 3
_REPEATS = {"B": (6, ("V-V-V-", "-V-V-V")), "T": (9, ("V--V--V--", "-V--V--V-", "--V--V--V"))}
_RECENT = 4
"""A pattern goes on while one of so many last beats is ventricular."""
_LONGEST_INTERVAL_S = 2.5
"""A longer interval ends every pattern."""
_KEPT = 16
_OTHERS_END = 2


class PatternSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a pattern of beats is recognised."""

    ivr_beats: int = 4
    """Ventricular beats in a row that are an idioventricular rhythm,"""
    ivr_bpm: float = 100.0
    """each of them no faster than this."""
    svt_run_beats: int = 4
    """Supraventricular beats in a row that are a tachycardia,"""
    svt_run_bpm: float = 100.0
    """each of them faster than this."""
    svt_beats: int = 6
    """Beats of whatever narrow class that are one,"""
    svt_bpm: float = 130.0
    """faster than this,"""
    svt_spread: float = 0.12
    """whose longest interval is no more than this part longer than the shortest,"""
    svt_jump: float = 0.2
    """after intervals longer by this part at least (begun within a beat),"""
    sinus_bpm: float = 180.0
    """or faster than a sinus node of an adult at rest."""
    paced_beats: int = 6
    """Paced beats among the last eight."""


class _Told(msgspec.Struct):
    """A beat: its R peak, its AAMI class, the seconds since the one before."""

    sample: int
    label: str
    rr_s: float


class BeatPatterns:
    """The patterns of the beats of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.
    settings
        When to recognise them.
    """

    def __init__(self, rate_hz: float, settings: PatternSettings) -> None:
        self._rate_hz = rate_hz
        self._settings = settings
        self.reset()

    def reset(self) -> None:
        """Forget the beats."""
        self._beats: list[_Told] = []
        self.state = RhythmState(UNKNOWN, 0)

    def beat(self, beat: Beat) -> None:
        """Take the next beat; `state` is the rhythm that it leaves."""
        rr_s = (beat.sample - self._beats[-1].sample) / self._rate_hz if self._beats else 0.0
        if rr_s > _LONGEST_INTERVAL_S:
            # The rhythm in hand stays until another shows.
            self._beats.clear()
            rr_s = 0.0
        self._beats = [*self._beats[1 - _KEPT :], _Told(beat.sample, beat.label, rr_s)]
        for recognise in (self._idioventricular, self._supraventricular, self._paced, self._repeated, self._sinus):
            if (found := recognise()) is not None:
                self.state = self.state if found.label == self.state.label else found
                return

    def _idioventricular(self) -> RhythmState | None:
        s = self._settings
        run = _run(self._beats, "V", shortest_s=60.0 / s.ivr_bpm)
        if self.state.label == "IVR" and any(b.label == "V" for b in self._beats[-_OTHERS_END:]):
            return self.state
        if len(run) < s.ivr_beats:
            return None
        bpm = 60.0 / median(b.rr_s for b in run[1:])
        reason: Reason = {"rule": "slow ventricular beats in a row", "beats": len(run), "rate_bpm": round(bpm, 1)}
        return RhythmState("IVR", run[0].sample, reason)

    def _supraventricular(self) -> RhythmState | None:
        s = self._settings
        run = _run(self._beats, "S", longest_s=60.0 / s.svt_run_bpm)
        if self.state.label == "SVTA" and (run or self._regular(spread=None) is not None):
            return self.state
        if len(run) >= s.svt_run_beats:
            bpm = 60.0 / median(b.rr_s for b in run[1:])
            reason: Reason = {"rule": "early beats in a row", "beats": len(run), "rate_bpm": round(bpm, 1)}
            return RhythmState("SVTA", run[0].sample, reason)
        if (usual := self._regular(spread=s.svt_spread)) is None:
            return None
        reason = {"rule": "fast and regular", "beats": s.svt_beats, "rate_bpm": round(60.0 / usual, 1)}
        before = [b.rr_s for b in self._beats[: -s.svt_beats + 1] if b.rr_s > 0.0][-8:]
        if len(before) >= _SINUS_BEATS and median(before) > (1.0 + s.svt_jump) * usual:
            reason |= {"rule": "fast and regular at once", "before_bpm": round(60.0 / median(before), 1)}
        elif usual * s.sinus_bpm > 60.0:
            return None
        return RhythmState("SVTA", self._beats[-s.svt_beats].sample, reason)

    def _regular(self, *, spread: float | None) -> float | None:
        """Give the median interval of the last beats in seconds, if they are fast, and regular where that is asked."""
        s = self._settings
        last = self._beats[-s.svt_beats :]
        if len(last) < s.svt_beats or any(b.rr_s == 0.0 or b.label in "VQ" for b in last):
            return None
        rr = [b.rr_s for b in last[1:]]
        if median(rr) * s.svt_bpm >= 60.0 or (spread is not None and max(rr) > (1.0 + spread) * min(rr)):
            return None
        return median(rr)

    def _paced(self) -> RhythmState | None:
        last = self._beats[-8:]
        paced = [b for b in last if b.label == "Q"]
        if len(paced) < self._settings.paced_beats - 3 * (self.state.label == "P"):
            return None
        return RhythmState("P", paced[0].sample, {"rule": "paced beats", "beats": len(paced), "of": len(last)})

    def _repeated(self) -> RhythmState | None:
        kinds = "".join("V" if b.label == "V" else "-" for b in self._beats)
        for label, (n_beats, patterns) in _REPEATS.items():
            if kinds[-n_beats:] in patterns:
                reason: Reason = {"rule": "ventricular beats in a pattern", "beats": n_beats}
                return RhythmState(label, self._beats[-n_beats].sample, reason)
        if self.state.label in _REPEATS and not kinds.endswith("VV") and "V" in kinds[-_RECENT:]:
            return self.state
        return None

    def _sinus(self) -> RhythmState | None:
        if len(self._beats) < _SINUS_BEATS:
            return None
        return RhythmState("N", self._beats[-_SINUS_BEATS].sample, {"rule": "beats without such a pattern"})

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self._beats, self.state))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._beats, self.state = msgspec.msgpack.decode(state, type=tuple[list[_Told], RhythmState])


def _run(
    beats: list[_Told], label: str, *, shortest_s: float = 0.0, longest_s: float = _LONGEST_INTERVAL_S
) -> list[_Told]:
    """Give the last beats of one class that follow each other at such intervals; the first may come at any."""
    n = 0
    while n < len(beats) and beats[-1 - n].label == label:
        n += 1
        if not shortest_s <= beats[-n].rr_s <= longest_s:
            break
    return beats[len(beats) - n :]
