"""Heart rate from the times of the beats."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from statistics import median

import msgspec

MEDIAN_INTERVALS = 8
"""RR intervals whose median is the heart rate: even, so that bigeminy gives the mean of its two intervals."""
MEDIAN_S = 8.0
"""Where they last longer than this, half of them count: a heart that slows is told as soon as one that quickens."""
LONGEST_INTERVALS = 16
SHORTEST_INTERVAL_S = 0.15
"""Two R peaks nearer than this are one beat."""
LONGEST_INTERVAL_S = 4.0
"""A longer interval is asystole: what was before it no longer counts."""


class RateMeter:
    """Heart rate over the last beats of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.

    Examples
    --------
    >>> meter = RateMeter(250.0)
    >>> [meter.beat(sample) for sample in (0, 250, 500, 625)]
    [None, None, 60.0, 60.0]
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._since = 0
        self.samples: deque[int] = deque(maxlen=LONGEST_INTERVALS + 1)
        self._intervals: deque[int] = deque(maxlen=MEDIAN_INTERVALS)

    def beat(self, sample: int) -> float | None:
        """Take a beat's R peak; give the heart rate in beats a minute, None with fewer than two intervals."""
        if sample < self._since:
            return None
        if self.samples:
            interval = sample - self.samples[-1]
            if interval < SHORTEST_INTERVAL_S * self.rate_hz:
                return None
            if interval > LONGEST_INTERVAL_S * self.rate_hz:
                self.interrupt(sample)
            else:
                self._intervals.append(interval)
        self.samples.append(sample)
        if len(self._intervals) < 2:
            return None
        return 60.0 * self.rate_hz / median(self._last())

    def _last(self) -> list[int]:
        """Give the intervals that count."""
        last = list(self._intervals)[len(self._intervals) % 2 :]
        return last[-MEDIAN_INTERVALS // 2 :] if sum(last) > MEDIAN_S * self.rate_hz else last

    def median_bpm(self, n_beats: int) -> float | None:
        """Give the rate of the median interval of the last beats; None while there are fewer."""
        if len(self.samples) < n_beats:
            return None
        last = list(self.samples)[-n_beats:]
        return 60.0 * self.rate_hz / median(b - a for a, b in pairwise(last))

    def interrupt(self, until: int) -> None:
        """Forget the beats, and count none before the sample `until`: it is not known what lies between."""
        self._since = until
        self.samples.clear()
        self._intervals.clear()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self.rate_hz, self._since, list(self.samples), list(self._intervals)))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        kept = msgspec.msgpack.decode(state, type=tuple[float, int, list[int], list[int]])
        self.rate_hz, since, samples, intervals = kept
        self.interrupt(since)
        self.samples.extend(samples)
        self._intervals.extend(intervals)
