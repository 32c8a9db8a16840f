"""How fast QRS detectors get through an ECG: heartwire's, and those of others as `evaluate mitdb` runs them."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import wfdb

from heartwire.benchmarks.accuracy.engine_beats import run_engine
from heartwire.benchmarks.accuracy.peer_run import OURS_ONE_LEAD, OURS_QRS, detect_qrs
from heartwire.benchmarks.accuracy.peers import installed_peers
from heartwire.engine.messages import EcgChunk
from heartwire.streams.sources.simulated import SimulatedEcgSource

_RATE_HZ = 360
_NAMES = ("XQRS", "GQRS", "NeuroKit2 ecg_peaks", "NeuroKit2 ecg_process")


class Speed(msgspec.Struct, kw_only=True):
    """One detector: seconds of signal done in a second, by repeat."""

    leads: str
    times_real_time: list[float] = []

    @property
    def median(self) -> float:
        """The middle of the repeats."""
        return statistics.median(self.times_real_time)


class Speeds(msgspec.Struct, kw_only=True):
    """All detectors on the same signal."""

    title: str
    detectors: dict[str, Speed]
    absent: str = ""


def measure(seconds: float, repeats: int, progress: Callable[[str], None]) -> Speeds:
    """Run every detector on the same simulated lead, in turn; the first run of each, which compiles, does not count."""
    source = SimulatedEcgSource(
        stream="bed-1/ecg", script="sinus 75 for 50s; pvc; af 100 for 30s", rate_hz=_RATE_HZ, leads=1, seconds=seconds
    )
    signal = np.concatenate([item.samples for item in source.open() if isinstance(item, EcgChunk)]).astype(np.float64)
    here, missing = installed_peers()
    with tempfile.TemporaryDirectory(prefix="heartwire-peers-") as name:
        wfdb.wrsamp("signal", _RATE_HZ, ["mV"], ["II"], signal, fmt=["16"], write_dir=name)
        record = Path(name) / "signal"
        lead = np.ascontiguousarray(wfdb.rdrecord(str(record)).p_signal[:, 0])
        detectors: dict[str, Callable[[], object]] = {
            OURS_QRS: lambda: detect_qrs(lead, _RATE_HZ),
            OURS_ONE_LEAD: lambda: run_engine(record),
        }
        detectors |= {p.name: lambda p=p: p.detect(lead, _RATE_HZ) for p in here if p.name in _NAMES}  # type: ignore[misc]
        speeds = {name: Speed(leads="1") for name in detectors}
        for repeat in range(repeats + 1):
            for name, detect in detectors.items():
                progress(f"ECG: {name}, run {repeat} of {repeats}")
                begin_s = time.perf_counter()
                detect()
                if repeat:
                    speeds[name].times_real_time.append(seconds / (time.perf_counter() - begin_s))
    absent = [name for name in missing if name.split(" (")[0] in _NAMES]
    return Speeds(
        title=f"ECG: one simulated lead at {_RATE_HZ} Hz, {seconds:g} s; {repeats} runs, in turn",
        detectors=speeds,
        absent=f"not installed, counts neither way: {', '.join(absent)}" if absent else "",
    )
