"""What the dashboard refused: counted by cause, and told in the log, but not once for each."""

from __future__ import annotations

import logging
import time
from collections import Counter

_LOG = logging.getLogger("heartwire.dashboard")
_EVERY_S = 10.0


class Refusals:
    """Counts refusals; each cause is logged at most once in ten seconds, with how many there were since."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._told: dict[str, tuple[float, int]] = {}

    def add(self, cause: str, where: str) -> None:
        """Count one.

        Parameters
        ----------
        cause
            Which kind: one of a few.
        where
            Whom it concerns, for the log.
        """
        self.counts[cause] += 1
        now_s = time.monotonic()
        told_s, told = self._told.get(cause, (float("-inf"), 0))
        if now_s - told_s >= _EVERY_S:
            self._told[cause] = now_s, self.counts[cause]
            _LOG.warning("dashboard: refused %s (%s), %d since told last", cause, where[:80], self.counts[cause] - told)
