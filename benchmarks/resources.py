"""What the processes of a run use: CPU, memory, context switches (from /proc), and the GPU (from nvidia-smi)."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

_GPU_FIELDS = ("utilization.gpu", "utilization.memory", "memory.used", "clocks.sm", "clocks.mem", "power.draw")


class Use(msgspec.Struct, kw_only=True):
    """What one process used."""

    cpu_percent: float
    """Of one core."""
    rss_mb: float
    switches_per_s: float
    """Context switches of both kinds."""
    involuntary_per_s: float
    """Of these, those that took the core away."""
    rss_series_mb: list[tuple[float, float]] = []
    """Seconds from the start, resident memory."""


class Bystanders(msgspec.Struct):
    """What took the machine's time beside the processes measured; percent of one core."""

    others_percent: float
    """Programs that are no part of the run."""
    withheld_percent: float
    """The host of a virtual machine, while something was to be done."""

    def __str__(self) -> str:
        others, withheld = self.others_percent, self.withheld_percent
        return f"meanwhile other programs took {others:.0f} % of a core, and the host withheld {withheld:.1f} %"


class Range(msgspec.Struct):
    """A figure of the GPU over a run."""

    lowest: float
    median: float
    highest: float


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
    involuntary = float(status["nonvoluntary_ctxt_switches"])
    return {
        "cpu_s": (int(stat[11]) + int(stat[12])) / ticks,
        "rss_mb": int(status.get("VmRSS", "0").split()[0]) / 1024,
        "switches": float(status["voluntary_ctxt_switches"]) + involuntary,
        "involuntary": involuntary,
    }


def _read_machine() -> tuple[float, float]:
    """Read how long all cores were at work, and how long the host withheld them, s; zeros where nobody tells."""
    try:
        times = [int(value) for value in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return 0.0, 0.0
    user, nice, system, _, _, irq, softirq, steal = times
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / ticks, steal / ticks


class ResourceSampler:
    """Compares the processes' counters now with those at its making.

    Parameters
    ----------
    processes
        Process id by name.
    every_s
        How often `step` notes the memory.
    gpu
        Watch the GPU too, where there is one, until `gpu` is called.
    """

    def __init__(self, processes: Mapping[str, int], every_s: float = 1.0, *, gpu: bool = False) -> None:
        self._processes = dict(processes)
        self._every_s = every_s
        self._start_s = self._due_s = time.monotonic()
        self._before = {name: _read(pid) for name, pid in processes.items()}
        self._machine_before, self._own_before = _read_machine(), _read(os.getpid())
        self._latest = dict(self._before)
        self._latest_s = self._start_s
        self._rss: dict[str, list[tuple[float, float]]] = {name: [] for name in processes}
        self._gpu = _watch_gpu() if gpu else None

    def step(self) -> None:
        """Note the memory, where that is due."""
        now_s = time.monotonic()
        if now_s < self._due_s:
            return
        self._due_s = now_s + self._every_s
        self._latest_s = now_s
        for name, pid in self._processes.items():
            if read := _read(pid):
                self._latest[name] = read
                self._rss[name].append((round(now_s - self._start_s, 2), read["rss_mb"]))

    def figures(self) -> dict[str, Use]:
        """Give what each process used; one that is gone, until it was last seen."""
        now_s = time.monotonic()
        figures = {}
        for name, pid in self._processes.items():
            before, read = self._before[name], _read(pid)
            now = read or self._latest[name]
            elapsed_s = (now_s if read else self._latest_s) - self._start_s
            if before and elapsed_s > 0:
                figures[name] = Use(
                    cpu_percent=100 * (now["cpu_s"] - before["cpu_s"]) / elapsed_s,
                    rss_mb=now["rss_mb"],
                    switches_per_s=(now["switches"] - before["switches"]) / elapsed_s,
                    involuntary_per_s=(now["involuntary"] - before["involuntary"]) / elapsed_s,
                    rss_series_mb=self._rss[name],
                )
        return figures

    def bystanders(self) -> Bystanders | None:
        """Give what else ran, this process not counted; None where the system does not tell."""
        busy_s, withheld_s = (now - then for now, then in zip(_read_machine(), self._machine_before, strict=True))
        elapsed_s = time.monotonic() - self._start_s
        if not busy_s or elapsed_s <= 0:
            return None
        spent_s = _read(os.getpid())["cpu_s"] - self._own_before["cpu_s"]
        for name, pid in self._processes.items():
            if self._before[name] and pid != os.getpid():
                spent_s += (_read(pid) or self._latest[name])["cpu_s"] - self._before[name]["cpu_s"]
        return Bystanders(100 * max(0.0, busy_s - spent_s) / elapsed_s, 100 * withheld_s / elapsed_s)

    def gpu(self) -> dict[str, Range]:
        """Stop watching the GPU; give its figures, none without one."""
        if self._gpu is None:
            return {}
        self._gpu.terminate()
        lines = self._gpu.communicate()[0].splitlines()
        return gpu_ranges(lines)


def gpu_ranges(lines: list[str]) -> dict[str, Range]:
    """Give the range of each figure from nvidia-smi's lines; what it does not support is left out."""
    columns: dict[str, list[float]] = {}
    for line in lines:
        for field, text in zip(_GPU_FIELDS, line.split(","), strict=False):
            try:
                columns.setdefault(field, []).append(float(text))
            except ValueError:
                continue
    return {field: Range(min(v), statistics.median(v), max(v)) for field, v in columns.items() if v}


def _watch_gpu() -> subprocess.Popen[str] | None:
    if shutil.which("nvidia-smi") is None:
        return None
    query = f"--query-gpu={','.join(_GPU_FIELDS)}"
    return subprocess.Popen(
        ["nvidia-smi", query, "--format=csv,noheader,nounits", "--loop=1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
