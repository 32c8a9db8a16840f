"""Python's collector of cyclic garbage, kept out of the work: a pass over all that a process keeps takes too long."""

from __future__ import annotations

import gc
import time

_YOUNG_S = 1.0
_OVERDUE_S = 10.0
"""How long a process that is never idle goes on without."""
_ALL_S = 60.0
_ALL_OVERDUE_S = 600.0
"""How long one without long idle moments goes on before all is collected in whatever moment there is."""


class IdleCollector:
    """Collects when the process says that it is idle, and otherwise only what is overdue."""

    def __init__(self) -> None:
        gc.disable()
        self._young_s = self._all_s = time.monotonic()

    def idle(self, *, long: bool) -> None:
        """Take a moment in which nothing waits; a `long` one is time enough for all that was ever made."""
        self._collect(_YOUNG_S, _ALL_S if long else _ALL_OVERDUE_S)

    def busy(self) -> None:
        """Take a moment in which more waits."""
        self._collect(_OVERDUE_S, _ALL_OVERDUE_S)

    def _collect(self, young_s: float, all_s: float) -> None:
        now_s = time.monotonic()
        if now_s - self._all_s > all_s:
            self._all_s = self._young_s = now_s
            gc.collect()
        elif now_s - self._young_s > young_s:
            self._young_s = now_s
            gc.collect(0)
