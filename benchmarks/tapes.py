"""The tapes that a load plays: simulated before the clock starts, for simulating costs more than analysing.

They are kept in the user's cache under a name that holds everything they depend on. Apart from the load, whose process
need not know how to simulate.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.workload import Workload
from heartwire.engine.messages import EcgChunk, XrayFrame
from heartwire.streams import simulators
from heartwire.streams.sources.simulated import PREFERRED_LEADS, SimulatedEcgSource, SimulatedXraySource

_SCRIPT = "sinus 75 for 12s; pvc; sinus 75 for 8s; vt 170 for 8s; sinus 90 for 12s"
_SCENE = 1_000_007
"""A scene that no network was trained on."""
Array: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.uint8]


def lead_names(load: Workload) -> tuple[str, ...]:
    """Give the names of a bed's leads."""
    return PREFERRED_LEADS[: load.leads]


def tapes(load: Workload, folder: Path | None = None) -> dict[str, list[str]]:
    """Make the tapes of a workload, unless they are there.

    Parameters
    ----------
    load
        The workload.
    folder
        Where they are kept; the user's cache if not given.

    Returns
    -------
    dict
        For "ecg" and "xray" the `.npy` files: (n_samples, n_leads) float32, (n_frames, height, width) uint8.
    """
    folder = folder or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "heartwire" / "tapes"
    folder.mkdir(parents=True, exist_ok=True)
    code = b"".join(path.read_bytes() for path in sorted(Path(simulators.__file__).parent.glob("*.py")))
    hearts = [load.seed + n for n in range(min(load.patients, load.beds))]
    scenes = [load.seed + n for n in range(min(load.patients, load.labs))]
    ecg = f"{_SCRIPT} {load.rate_hz} {load.leads} {load.cycle_s}"
    xray = f"{_SCRIPT} {load.frame_px} {load.frame_hz} {load.cycle_frames}"
    return {
        "ecg": [_tape(folder, code, f"{ecg} {seed}", lambda s=seed: _make_ecg(load, s)) for seed in hearts],  # type: ignore[misc]
        "xray": [_tape(folder, code, f"{xray} {seed}", lambda s=seed: _make_xray(load, s)) for seed in scenes],  # type: ignore[misc]
    }


def _tape(folder: Path, code: bytes, what: str, make: Callable[[], Array]) -> str:
    path = folder / f"{hashlib.sha256(code + what.encode()).hexdigest()[:24]}.npy"
    if not path.exists():
        fresh = folder / f"{os.getpid()}-{path.name}"
        np.save(fresh, make())
        fresh.replace(path)
    return str(path)


def _make_ecg(load: Workload, seed: int) -> Array:
    source = SimulatedEcgSource(
        stream="tape", script=_SCRIPT, seed=seed, seconds=load.cycle_s, rate_hz=load.rate_hz, leads=load.leads
    )
    return np.concatenate([item.samples for item in source.open() if isinstance(item, EcgChunk)])


def _make_xray(load: Workload, seed: int) -> Array:
    source = SimulatedXraySource(
        stream="tape",
        script=_SCRIPT,
        seed=seed,
        scene=_SCENE + seed,
        seconds=load.cycle_frames / load.frame_hz,
        rate_hz=load.frame_hz,
        size_px=load.frame_px,
    )
    return np.stack([item.pixels for item in source.open() if isinstance(item, XrayFrame)]).astype(np.uint8)
