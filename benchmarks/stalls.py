"""When the machine itself stood still: moments in which a core did not even run what comes before everything.

A process a core, of real-time priority, wakes every 2 ms and looks at the clock. Nothing that an engine or a crowd of
viewers runs keeps it waiting, so where it is late the host has held the core back (or the kernel has). What such
a moment touched tells of the machine, not of what is measured. The method is cyclictest's (rt-tests).
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

_PERIOD_NS = 2_000_000
_LATE_NS = 1_000_000
"""Later than this is a stall: a tenth of it is usual."""
_PRIORITY = 50
_STALL = struct.Struct("=qq")


class Stalls:
    """Stalls of all cores, each from when its process should have woken until it did."""

    def __init__(self, start_ns: npt.NDArray[np.int64], end_ns: npt.NDArray[np.int64]) -> None:
        order = np.argsort(start_ns)
        self._start_ns = start_ns[order]
        self._end_ns = np.maximum.accumulate(end_ns[order]) if len(order) else end_ns
        self._ms = (end_ns[order] - self._start_ns) / 1e6

    def touched(self, start_ns: npt.NDArray[np.int64], end_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Tell of each span, by the monotonic clock, whether any core stalled within it."""
        begun = np.searchsorted(self._start_ns, end_ns, side="right")
        reaches_ns = np.concatenate(([np.iinfo(np.int64).min], self._end_ns))
        return reaches_ns[begun] >= start_ns

    def lost_ms(self, start_ns: int, end_ns: int) -> float:
        """Give what all cores together lost in stalls that began within a span."""
        first, after = np.searchsorted(self._start_ns, (start_ns, end_ns))
        return float(self._ms[first:after].sum())


class StallWatch:
    """The watching processes, one a core, and the files they write to."""

    def __init__(self, files: list[Path], processes: list[subprocess.Popen[bytes]]) -> None:
        self._files = files
        self.processes = processes

    def stalls(self) -> Stalls:
        """Give the stalls until now."""
        found = np.concatenate([np.fromfile(path, np.int64).reshape(-1, 2) for path in self._files])
        return Stalls(found[:, 0], found[:, 1])


@contextmanager
def watch(folder: Path) -> Iterator[StallWatch | None]:
    """Watch every core that this process may use; None where the system grants no real-time priority.

    Without it, a process that waits for its turn behind others would be taken for a stall.
    """
    files = [folder / f"stalls-{core}" for core in sorted(os.sched_getaffinity(0))]
    command = [sys.executable, "-P", "-m", "heartwire.benchmarks.stalls"]
    processes = [
        subprocess.Popen([*command, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) for path in files
    ]
    try:
        # Each says that it watches, or ends.
        watching = [process.stdout is not None and process.stdout.readline() for process in processes]
        yield StallWatch(files, processes) if all(watching) else None
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def _look(path: Path) -> None:
    """Write every stall of the core that the name of the file ends in, until killed."""
    os.sched_setaffinity(0, {int(path.name.rsplit("-", 1)[1])})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    with path.open("wb", buffering=0) as file:
        os.write(sys.stdout.fileno(), b"\n")
        due_ns = time.monotonic_ns()
        while True:
            due_ns += _PERIOD_NS
            time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
            woken_ns = time.monotonic_ns()
            if woken_ns - due_ns > _LATE_NS:
                file.write(_STALL.pack(due_ns, woken_ns))
                due_ns = woken_ns


if __name__ == "__main__":
    _look(Path(sys.argv[1]))
