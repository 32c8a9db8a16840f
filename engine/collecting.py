"""Python's collector of cyclic garbage, kept out of the work: a pass over all that a process keeps takes too long."""

from __future__ import annotations

import gc
import time

_YOUNG_S = 1.0
_OVERDUE_S = 10.0
"""How long a process that is never idle goes on without."""
_ALL_S = 60.0


class IdleCollector:
    """Collects when the process says that it is idle, and at no other time."""

    def __init__(self) -> None:
        gc.disable()
        self._young_s = self._all_s = time.monotonic()

    def idle(self, *, long: bool) -> None:
        """Take a moment in which nothing waits; a `long` one is time enough for all that was ever made."""
        now_s = time.monotonic()
        if long and now_s - self._all_s > _ALL_S:
            self._all_s = self._young_s = now_s
            gc.collect()
        elif now_s - self._young_s > _YOUNG_S:
            self._young_s = now_s
            gc.collect(0)

    def busy(self) -> None:
        """Take a moment in which more waits."""
        now_s = time.monotonic()
        if now_s - self._young_s > _OVERDUE_S:
            self._young_s = now_s
            gc.collect(0)
