"""How long Python's garbage collector held a process up."""

from __future__ import annotations

import gc
import time
from pathlib import Path

import msgspec


class GcPauses:
    """Times each collection from now on.

    A collection stops every thread that runs Python. Timing one costs two calls, nothing between collections.
    """

    def __init__(self) -> None:
        self._began_ns = self._n = self._total_ns = self._longest_ns = 0
        gc.callbacks.append(self._note)

    def _note(self, phase: str, _: dict[str, int]) -> None:
        now_ns = time.monotonic_ns()
        if phase == "start":
            self._began_ns = now_ns
            return
        took_ns = now_ns - self._began_ns
        self._n += 1
        self._total_ns += took_ns
        self._longest_ns = max(self._longest_ns, took_ns)

    def figures(self) -> dict[str, float]:
        """Give their number, and in ms all of them and the longest."""
        return {"n": self._n, "total_ms": self._total_ns / 1e6, "longest_ms": self._longest_ns / 1e6}

    def stop(self, path: Path) -> None:
        """Time no more, and write the figures."""
        gc.callbacks.remove(self._note)
        path.write_bytes(msgspec.json.encode(self.figures()))
