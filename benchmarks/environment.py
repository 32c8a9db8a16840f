"""The environment a figure was measured in; a figure without it is not comparable."""

from __future__ import annotations

import gc
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from heartwire.models.catalogue import read_card, shipped
from heartwire.version import __version__


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def gpu_state() -> str:
    """Give the GPU's name, driver, memory, clocks and performance state as they are now."""
    wanted = "name,driver_version,memory.total,clocks.sm,clocks.mem,pstate"
    return _output("nvidia-smi", f"--query-gpu={wanted}", "--format=csv,noheader") or "none"


def _first_line(path: str) -> str:
    try:
        return Path(path).read_text().splitlines()[0].strip()
    except (OSError, IndexError):
        return ""


def _container() -> str:
    """Name what the processes are shut in; "none seen" does not rule out a virtual machine."""
    for path, name in (("/.dockerenv", "docker"), ("/run/.containerenv", "podman"), ("/run/systemd/container", "")):
        if Path(path).exists():
            return name or _first_line(path)
    return _output("systemd-detect-virt") or "none seen"


def _memory() -> str:
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"


def _governor() -> str:
    return _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or "not shown"


def _autogroup() -> str:
    """Tell whether Linux shares the cores out by sessions, of which each process of the engine is one."""
    on = _first_line("/proc/sys/kernel/sched_autogroup_enabled") == "1"
    return "on: nice counts within a session only" if on else "off"


def _numa() -> str:
    nodes = len(list(Path("/sys/devices/system/node").glob("node[0-9]*"))) or 1
    return f"{nodes} nodes" if nodes > 1 else "1 node"


def environment() -> dict[str, str]:
    """Describe machine, software, models and other load."""
    here = Path(__file__).parent
    runtime = next(
        (f"{n} {_package(n)}" for n in ("onnxruntime-gpu", "onnxruntime") if _package(n) != "absent"), "none"
    )
    return {
        "heartwire": __version__,
        "git": _output("git", "-C", str(here), "describe", "--always", "--dirty"),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0))),
        "numa": _numa(),
        "memory": _memory(),
        "governor": _governor(),
        "autogroup": _autogroup(),
        "container": _container(),
        "gpu": gpu_state(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "collector": f"{gc.get_threshold()}, what start-up made is frozen",
        "onnxruntime": runtime,
        "numpy": _package("numpy"),
        "pyzmq": _package("pyzmq"),
        "load before (1 min)": f"{os.getloadavg()[0]:.2f}",
        "models": ", ".join(f"{read_card(p).name} {read_card(p).sha256[:12]}" for p in shipped()),
    }
