"""What a frame costs on one core, from its message to its fix: decoded from the wire, located, tracked.

Measured in a process of its own that is bound to one core and has one thread, on frames of a simulated run that follow
one another; each comes when the one before is done. Run as a module it is that process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import cv2
import msgspec
import numpy as np

from heartwire.benchmarks.accuracy.catheter_held_out import held_out_run
from heartwire.engine.errors import HeartwireError
from heartwire.engine.messages import CatheterFix, XrayFrame
from heartwire.engine.wire import decode, encode
from heartwire.engine.xray.pipeline import create
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED

SIZES = ((512, 8), (1024, 12))
"""Side in px and bits in use."""
N_FRAMES = 700
"""The 99 % quantile needs 662 (one-sided, 99 % sure)."""
_DISTINCT = 15
_WARM_UP = 15


class FrameCost(msgspec.Struct, kw_only=True):
    """Milliseconds a frame on one core; `cpu_ms` is the mean time that the core worked for it, whatever else it did."""

    size_px: int
    bits: int
    frames: int
    cpu_ms: float
    network_ms: float
    mean_ms: float
    median_ms: float
    p99_ms: float
    largest_ms: float


def measure(size_px: int, bits: int, frames: int = N_FRAMES) -> FrameCost:
    """Time frames in this process."""
    run = held_out_run(FIRST_TEST_SEED, size_px=size_px, bits=bits)
    made = [run.frame(number)[0] for number in range(_DISTINCT)]
    pipeline = create("evaluation", {"threads": 1, "provider": "cpu"})
    taken_ms: list[float] = []
    worked_s = network_ns = 0.0
    for number in range(_WARM_UP + frames):
        # There and back again through the run, so that frames in turn are alike.
        turn = number % (2 * _DISTINCT - 2)
        pixels = made[min(turn, 2 * _DISTINCT - 2 - turn)]
        frame = XrayFrame(
            stream="evaluation", frame=number, pixels=pixels, bits=bits, rate_hz=run.rate_hz, seq=number + 1
        )
        parts = [bytes(part) for part in encode(frame)]
        begin_s, began_s = time.perf_counter(), time.process_time()
        message = decode(parts)
        assert isinstance(message, XrayFrame)
        if not any(isinstance(finding, CatheterFix) for finding in pipeline.process(message)):
            raise AssertionError
        taken_ms.append(1e3 * (time.perf_counter() - begin_s))
        if number >= _WARM_UP:
            worked_s += time.process_time() - began_s
            network_ns += message.trace.inferred_ns - message.trace.conditioned_ns
    kept = np.array(taken_ms[_WARM_UP:])
    return FrameCost(
        size_px=size_px,
        bits=bits,
        frames=frames,
        cpu_ms=1e3 * worked_s / frames,
        network_ms=1e-6 * network_ns / frames,
        mean_ms=float(kept.mean()),
        median_ms=float(np.median(kept)),
        p99_ms=float(np.quantile(kept, 0.99, method="higher")),
        largest_ms=float(kept.max()),
    )


def measure_apart(size_px: int, bits: int, frames: int = N_FRAMES) -> FrameCost:
    """Time frames in a process of its own, on one core.

    Raises
    ------
    HeartwireError
        If that process fails.
    """
    command = [sys.executable, "-P", "-m", __name__, str(size_px), str(bits), str(frames)]
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    done = subprocess.run(command, capture_output=True, env={**os.environ, **one}, check=False)
    if done.returncode:
        msg = f"timing of frames of {size_px} px failed: {done.stderr.decode(errors='replace').strip()[-300:]}"
        raise HeartwireError(msg)
    return msgspec.json.decode(done.stdout, type=FrameCost)


if __name__ == "__main__":
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    cv2.setNumThreads(1)
    sys.stdout.buffer.write(msgspec.json.encode(measure(*(int(word) for word in sys.argv[1:4]))))
