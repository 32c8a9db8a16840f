"""A GPU against the CPU: outputs of every model, time of one stream and of many, frame to fix, and tips found.

Times are those of the engine's own runners and X-ray pipeline, copies to and from the GPU included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from heartwire.benchmarks.accuracy.catheter_score import as_reported
from heartwire.benchmarks.accuracy.catheter_simulated import (
    SimulatedFigures,
    score_simulated,
    simulated_figures,
    simulated_frames,
)
from heartwire.benchmarks.accuracy.network_cost import BEATS_PER_S
from heartwire.benchmarks.environment import environment, gpu_state
from heartwire.engine.ecg.conditioning import GRID_HZ
from heartwire.engine.ecg.slots import FRAME
from heartwire.engine.ecg.ventricular import STEP
from heartwire.engine.errors import HeartwireError
from heartwire.engine.inference import Model
from heartwire.engine.messages import XrayFrame
from heartwire.engine.providers import Device
from heartwire.engine.runner import Runner
from heartwire.engine.xray.localiser import MODEL_NAME, Localiser
from heartwire.engine.xray.pipeline import create
from heartwire.engine.xray.refinement import TIPS_MODEL_NAME
from heartwire.models.catalogue import WEIGHTS
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy

LEAST_FOR_P99 = 662
"""Samples from which p99 may be given: below, its upper bound at 99 % is the largest sample."""
BATCHES = (64, 1024, 4096)
_TOLERANCE = 5e-3
"""Outputs are probabilities and px offsets; TF32 convolutions differ in the third digit."""
_HALF_TOLERANCE = 5e-2
"""The same for models in half precision."""
_STEPS = 20
_QRS_FRAMES = 3
"""Frames of the QRS network in a run: 96 ms, about what a message brings."""
_LEAST_S = 0.3
_LEAST_RUNS = 5
_MOST_S = 10.0
"""So long the runs of one model with one stream may take."""
_RATE_HZ = 15.0


class Times(msgspec.Struct, kw_only=True):
    """Times of one kind of run, ms; p99 is None where there were too few."""

    n: int
    p50_ms: float
    p99_ms: float | None
    max_ms: float


class ModelRow(msgspec.Struct, kw_only=True):
    """One model with one stream on both devices."""

    model: str
    runs_on: str
    largest_difference: float
    tolerance: float
    cpu: Times
    gpu: Times


class BatchRow(msgspec.Struct, kw_only=True):
    """One ECG network, streams side by side, their state on the device.

    `stream_s` is the signal of one stream that a run stands for.
    """

    model: str
    streams: int
    stream_s: float
    cpu_ms: float
    gpu_ms: float

    def per_second(self, run_ms: float) -> float:
        """Give the seconds of stream that are taken in a second."""
        return 1e3 * self.streams * self.stream_s / run_ms


class FrameRow(msgspec.Struct, kw_only=True):
    """The X-ray pipeline on one device, frame in to fix out, and the medians of its stages."""

    device: str
    runs_on: str
    whole: Times
    conditioning_ms: float
    network_ms: float
    decision_ms: float
    score: SimulatedFigures


class GpuResult(msgspec.Struct, kw_only=True):
    """The whole comparison."""

    environment: dict[str, str]
    gpu_after: str
    models: list[ModelRow]
    batches: list[BatchRow]
    frames: list[FrameRow]


def _times(spent_s: Sequence[float]) -> Times:
    ms = 1e3 * np.array(spent_s)
    p99 = float(np.quantile(ms, 0.99, method="higher")) if len(ms) >= LEAST_FOR_P99 else None
    return Times(n=len(ms), p50_ms=float(np.median(ms)), p99_ms=p99, max_ms=float(ms.max()))


def _timed(call: Callable[[], object], runs: int) -> list[float]:
    spent_s: list[float] = []
    last_s = time.perf_counter() + _MOST_S
    while len(spent_s) < runs and (not spent_s or time.perf_counter() < last_s):
        begin_s = time.perf_counter()
        call()
        spent_s.append(time.perf_counter() - begin_s)
    return spent_s


def _fill(runner: Runner, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for array in runner.inputs.values():
        array[...] = rng.standard_normal(array.shape, np.float32)


def largest_difference(one: Runner, other: Runner, steps: int = _STEPS) -> float:
    """Run both over the same random inputs, state carried; give the largest difference of any output.

    An output that is not a number counts as an infinite difference.
    """
    largest = 0.0
    for step in range(steps):
        for runner in (one, other):
            _fill(runner, step)
            runner.run()
        for name, output in one.outputs.items():
            # Of bytes, which are rounded, one step is no difference.
            rounding = 1.0 if output.dtype == np.uint8 else 0.0
            apart = np.abs(output.astype(np.float32) - other.outputs[name])
            difference = float(apart.max()) - rounding
            largest = max(largest, difference if np.isfinite(difference) else float("inf"))
    return largest


def compare_model(name: str, device: Device, runs: int) -> ModelRow:
    """Run one model with one stream on the CPU and on `device`.

    Outputs are compared of the file that `device` takes, times between it and the one that the CPU takes.
    """
    on_device = Model(name, provider=device)
    runner = on_device.runner()
    half = on_device.path.parent.name == "gpu"
    return ModelRow(
        model=str(on_device.path.relative_to(WEIGHTS).with_suffix("")),
        runs_on=on_device.provider,
        largest_difference=largest_difference(Model(on_device.path, provider="cpu").runner(), runner),
        tolerance=_HALF_TOLERANCE if half else _TOLERANCE,
        cpu=_times(_timed(Model(name, provider="cpu").runner().run, runs)),
        gpu=_times(_timed(runner.run, runs)),
    )


def compare_batches(name: str, device: Device, batches: Sequence[int]) -> list[BatchRow]:
    """Run one ECG network with many streams side by side on both devices."""
    models = [Model(name, provider=p) for p in ("cpu", device)]
    stream_s = {"ecg-qrs": _QRS_FRAMES * FRAME / GRID_HZ, "ecg-vf": STEP / GRID_HZ}.get(name, 1 / BEATS_PER_S)
    rows = []
    for batch in batches:
        median_ms = []
        for model in models:
            runner = model.runner(batch=batch, frames=_QRS_FRAMES)
            _fill(runner, batch)
            once_s = min(_timed(runner.run, 2))
            spent_s = _timed(runner.run, max(_LEAST_RUNS, round(_LEAST_S / once_s)))
            median_ms.append(1e3 * float(np.median(spent_s)))
        rows.append(BatchRow(model=name, streams=batch, stream_s=stream_s, cpu_ms=median_ms[0], gpu_ms=median_ms[1]))
    return rows


def frame_to_fix(device: Device, frames: int, scored_runs: int) -> FrameRow:
    """Send simulated 512 x 512 frames through the X-ray pipeline, and score its localiser on runs never trained on."""
    pipeline = create("lab", {"provider": device})
    run = Fluoroscopy(FIRST_TEST_SEED)
    pixels = [run.frame(number)[0] for number in range(min(frames, 45))]
    whole_s: list[float] = []
    stages_ns = []
    for number in range(frames):
        frame = XrayFrame(stream="lab", frame=number, pixels=pixels[number % len(pixels)], rate_hz=_RATE_HZ)
        begin_ns = time.monotonic_ns()
        list(pipeline.process(frame))
        end_ns = time.monotonic_ns()
        whole_s.append((end_ns - begin_ns) / 1e9)
        trace = frame.trace
        stages_ns.append(np.diff([begin_ns, trace.conditioned_ns, trace.inferred_ns, end_ns]))
    conditioning_ms, network_ms, decision_ms = (float(ms) for ms in np.median(stages_ns, axis=0) / 1e6)
    seeds = range(FIRST_TEST_SEED, FIRST_TEST_SEED + scored_runs)
    localiser = Localiser(Model(MODEL_NAME, provider=device), Model(TIPS_MODEL_NAME, provider="cpu"))
    scores = [
        score_simulated(made, lambda frame: as_reported(localiser.locate(frame))) for made in simulated_frames(seeds)
    ]
    return FrameRow(
        device=device,
        runs_on="; ".join(pipeline.notes),
        whole=_times(whole_s),
        conditioning_ms=conditioning_ms,
        network_ms=network_ms,
        decision_ms=decision_ms,
        score=simulated_figures(device, scores),
    )


def measure(
    progress: Callable[[str], None],
    *,
    device: Device = "cuda",
    runs: int = 700,
    batches: Sequence[int] = BATCHES,
    scored_runs: int = 10,
) -> GpuResult:
    """Compare `device` with the CPU.

    Parameters
    ----------
    progress
        Told what is being done.
    device
        What is compared.
    runs
        Runs of each model with one stream, and frames.
    batches
        Streams side by side.
    scored_runs
        Simulated runs, of six frames each, on which the X-ray model is scored on both devices.

    Raises
    ------
    ModelError
        If there is no usable GPU.
    """
    told = environment()
    # The forest that judges alarms runs on the CPU whatever a stream asks for: once an alarm, in microseconds.
    names = [path.stem for path in sorted(WEIGHTS.glob("*.onnx")) if path.stem != "ecg-alarms"]
    models = []
    for name in names:
        progress(f"{name}, one stream")
        models.append(compare_model(name, device, runs))
    rows = []
    for name in names:
        if name.startswith("ecg-"):
            progress(f"{name}, many streams")
            rows += compare_batches(name, device, batches)
    progress("frame to fix")
    frames = [frame_to_fix(d, runs, scored_runs) for d in ("cpu", device)]
    return GpuResult(environment=told, gpu_after=gpu_state(), models=models, batches=rows, frames=frames)


def check(result: GpuResult) -> None:
    """Refuse outputs that differ by more than rounding.

    Raises
    ------
    HeartwireError
        If those of any model do.
    """
    wrong = [f"{m.model} by {m.largest_difference:.2e}" for m in result.models if m.largest_difference > m.tolerance]
    if wrong:
        msg = f"outputs of GPU and CPU differ: {', '.join(wrong)}"
        raise HeartwireError(msg)
