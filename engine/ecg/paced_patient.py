"""A paced patient's wide beats: one that comes when the pacemaker would have paced is a paced beat, spike or none.

A pacemaker waits its interval after every beat, its own or the patient's, and paces where none came until then. An
ectopic beat comes before that; a ventricular complex at the pacemaker's own pace is its own, though its spike did not
show.
"""

from __future__ import annotations

from statistics import median

import msgspec

_MEMORY = 60
_FEWEST = 12
"""A patient is paced where so many of the last `_MEMORY` beats showed a spike."""
_INTERVALS = 16
_AT_PACE = (0.9, 1.2)
"""What interval, as a part of the usual one before a paced beat, a beat at the pacemaker's pace has."""
_LONGEST_S = 2.5


class _Past(msgspec.Struct):
    """Whether each of the last beats was paced; the intervals before those that were, in seconds."""

    paced: list[bool] = []
    intervals: list[float] = []


class PacedPatient:
    """Follows whether the patient of one stream is paced, and how fast."""

    def __init__(self) -> None:
        self._past = _Past()

    def at_pace(self, rr_s: float) -> bool:
        """Tell whether a beat so long after the one before comes when the pacemaker would have paced."""
        past = self._past
        if sum(past.paced) < _FEWEST or not past.intervals:
            return False
        usual_s = median(past.intervals)
        return _AT_PACE[0] * usual_s <= rr_s <= _AT_PACE[1] * usual_s

    def beat(self, rr_s: float, *, paced: bool) -> None:
        """Take the next beat, and whether it showed to be paced."""
        past = self._past
        past.paced = [*past.paced[1 - _MEMORY :], paced]
        if paced and 0.0 < rr_s <= _LONGEST_S:
            past.intervals = [*past.intervals[1 - _INTERVALS :], rr_s]

    def reset(self) -> None:
        """Forget the patient."""
        self._past = _Past()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(self._past)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._past = msgspec.msgpack.decode(state, type=_Past)
