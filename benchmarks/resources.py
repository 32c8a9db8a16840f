"""What the processes of a run use: CPU, memory, context switches, read from /proc."""

from __future__ import annotations

import os
import time
from pathlib import Path


def _read(pid: int) -> dict[str, float]:
    """Read a process's counters; empty where it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line
        )
    except OSError:
        return {}
    ticks = os.sysconf("SC_CLK_TCK")
    return {
        "cpu_s": (int(stat[11]) + int(stat[12])) / ticks,
        "rss_mb": int(status.get("VmRSS", "0").split()[0]) / 1024,
        "switches": float(status["voluntary_ctxt_switches"]) + float(status["nonvoluntary_ctxt_switches"]),
    }


class ResourceSampler:
    """Compares the processes' counters now with those at its making.

    Parameters
    ----------
    processes
        Process id by name.
    """

    def __init__(self, processes: dict[str, int]) -> None:
        self._processes = processes
        self._start_s = time.monotonic()
        self._before = {name: _read(pid) for name, pid in processes.items()}

    def figures(self) -> dict[str, dict[str, float]]:
        """Give CPU in percent of one core, resident memory in MB and context switches a second, by process."""
        elapsed_s = time.monotonic() - self._start_s
        figures = {}
        for name, pid in self._processes.items():
            before, now = self._before[name], _read(pid)
            if before and now:
                figures[name] = {
                    "cpu_percent": 100 * (now["cpu_s"] - before["cpu_s"]) / elapsed_s,
                    "rss_mb": now["rss_mb"],
                    "switches_per_s": (now["switches"] - before["switches"]) / elapsed_s,
                }
        return figures
