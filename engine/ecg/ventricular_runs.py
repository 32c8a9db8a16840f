"""Ventricular tachycardia by its beats: a run of fast ventricular beats that is no mistaken wide rhythm.

Where every beat is wide (bundle branch block, pacing) the class of the beats alone proves nothing. A run counts where
it breaks into a slower rhythm of other beats, or where it is faster still and the VT/VF network finds it possible.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from statistics import median

import msgspec

_SLOWEST_SHARE = 1.15
"""One interval of a run may be so much longer than the mean has to be."""
_RECENT = 8
_FEWEST_RECENT = 4
_MOST_VENTRICULAR = 2
_QUICKER_BY = 0.85
"""A sudden run's intervals are so much shorter than those before it, or shorter still."""
_NOT_SUDDEN_BPM = 120.0
"""One that is not sudden must be so fast."""
_OTHERS_END = 3


class _Past(msgspec.Struct):
    """What is remembered: `recent` are the last beats, oldest first, `kinds` V for ventricular and - for others.

    `run` counts the beats of the run in hand, `samples` are its last that decide, `usual` is the median interval before
    it where that was a rhythm of other beats, else 0; `others` counts the beats since. `running` while such a run is
    tachycardia, since `onset`.
    """

    recent: list[int] = []
    kinds: str = ""
    run: int = 0
    samples: list[int] = []
    usual: float = 0.0
    others: int = 0
    running: bool = False
    onset: int = 0


class VentricularRuns:
    """Follows the runs of ventricular beats of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.
    n_beats, bpm
        Beats in a row that are tachycardia, when they come faster than this in the mean.
    """

    def __init__(self, rate_hz: float, n_beats: int, bpm: float) -> None:
        self._longest = 60.0 * rate_hz / bpm
        self._longest_not_sudden = 60.0 * rate_hz / max(bpm, _NOT_SUDDEN_BPM)
        self._n_beats = n_beats
        self._past = _Past()

    @property
    def running(self) -> bool:
        """Whether a run is tachycardia, or was until a few beats ago."""
        return self._past.running

    @property
    def onset(self) -> int:
        """The first beat of the last tachycardia."""
        return self._past.onset

    @property
    def length(self) -> int:
        """Beats of the run in hand."""
        return self._past.run

    def beat(self, sample: int, *, ventricular: bool) -> None:
        """Take the next beat."""
        past = self._past
        follows = bool(past.recent) and sample - past.recent[-1] <= _SLOWEST_SHARE * self._longest
        if not ventricular:
            past.run = 0
            past.others += 1
        elif past.run and follows:
            past.run += 1
            past.samples = [*past.samples[1 - self._n_beats :], sample]
            past.others = 0
        else:
            past.run, past.samples = 1, [sample]
            known = len(past.recent) >= _FEWEST_RECENT and past.kinds.count("V") <= _MOST_VENTRICULAR
            past.usual = float(median(b - a for a, b in pairwise(past.recent))) if known else 0.0
            past.others = 0 if follows else past.others + 1
        past.recent = [*past.recent[1 - _RECENT :], sample]
        past.kinds = past.kinds[1 - _RECENT :] + ("V" if ventricular else "-")

    def decide(self, seen_to: int, *, likely: Callable[[], bool]) -> bool:
        """Tell whether the beats are in tachycardia right now.

        Parameters
        ----------
        seen_to
            Every beat before this sample has been given.
        likely
            Tells whether the VT/VF network finds tachycardia possible.
        """
        past = self._past
        beating = bool(past.recent) and seen_to - past.recent[-1] < _OTHERS_END * self._longest
        whole = beating and past.run >= self._n_beats
        mean = (past.samples[-1] - past.samples[0]) / (self._n_beats - 1) if whole else 0.0
        sudden = mean <= min(self._longest, _QUICKER_BY * past.usual)
        in_run = whole and (past.running or sudden or (mean <= self._longest_not_sudden and likely()))
        if in_run and not past.running:
            past.onset = past.samples[0]
        past.running = in_run or (past.running and beating and past.others < _OTHERS_END)
        return in_run

    def interrupt(self) -> None:
        """Take note that samples are missing: no run goes on across them."""
        self._past.run, self._past.recent, self._past.kinds = 0, [], ""

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(self._past)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same rate."""
        self._past = msgspec.msgpack.decode(state, type=_Past)
