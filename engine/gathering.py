"""Waiting a little before taking what came, where there is much: what many streams ask together costs each less.

A stream that is answered alone costs two to three times what it costs among ten. A worker that has little to do takes
every message at once; the more of its time is spent in work, the longer it lets messages gather, never longer than
`LONGEST_S`.
"""

from __future__ import annotations

import math

LONGEST_S = 0.008
_FREE_SHARE = 0.35
"""So much of the time in work leaves no reason to wait."""
_FULL_SHARE = 0.75
"""From so much on the wait is the longest."""
_MEMORY_S = 0.5
_FEWEST = 16
"""With fewer streams there is little to gather."""


class Gathering:
    """Says how long to let messages gather.

    Parameters
    ----------
    n_streams
        How many streams there are.
    """

    def __init__(self, n_streams: int) -> None:
        self._longest_s = LONGEST_S if n_streams >= _FEWEST else 0.0
        self.share = 0.0
        """Part of the last while that was spent in work."""
        self._seen_ns = 0

    def worked(self, begin_ns: int, end_ns: int) -> None:
        """Take note of work, and that there was none since the work before."""
        if self._seen_ns:
            kept = math.exp((self._seen_ns - end_ns) * 1e-9 / _MEMORY_S)
            now = (end_ns - begin_ns) / max(end_ns - self._seen_ns, 1)
            self.share = kept * self.share + (1.0 - kept) * now
        self._seen_ns = end_ns

    def wait_s(self) -> float:
        """Give how long to wait before messages are taken."""
        over = (self.share - _FREE_SHARE) / (_FULL_SHARE - _FREE_SHARE)
        return self._longest_s * min(max(over, 0.0), 1.0)
