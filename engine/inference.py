"""ONNX Runtime: which provider really runs, buffers bound once, every shape warmed before use.

A `Model` is a session checked against its card. A `Runner` is one stream's buffers for it: fill `inputs`, call `run`,
read `outputs`; a `PieceRunner` takes signals of any length in pieces of a few fixed ones. Tensors named `state_*` are
carried from call to call from `next_state_*`. A session belongs to one thread; runners of one model may be used in turn
by that thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from heartwire.engine.errors import ModelError
from heartwire.models.catalogue import ModelCard, model_path, verify

ProviderChoice = Literal["auto", "cpu", "cuda"]
Array = npt.NDArray[np.float32]

_CUDA = "CUDAExecutionProvider"
_CPU = "CPUExecutionProvider"
# ONNX Runtime's errors have no base class of their own.
_LOAD_ERRORS = (
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    OSError,
)
_SEVERITY_FATAL = 4
_SEVERITY_WARNING = 2


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # A spinning pool burns a whole core between calls and starves the neighbours.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _open_session(path: Path, choice: ProviderChoice, threads: int) -> tuple[ort.InferenceSession, str]:
    """Open a session and say in one line which provider runs and why."""
    listed = ort.get_available_providers()
    if choice == "cpu" or (choice == "auto" and _CUDA not in listed):
        why = "chosen for this stream" if choice == "cpu" else "this onnxruntime is the CPU package"
        return ort.InferenceSession(str(path), _options(threads), providers=[_CPU]), f"CPU ({why})"
    if hasattr(ort, "preload_dlls"):
        # Without this the CUDA provider does not find the pip-installed CUDA and cuDNN libraries.
        ort.preload_dlls()
    ort.set_default_logger_severity(_SEVERITY_FATAL)
    try:
        wanted = [_CUDA, _CPU] if _CUDA in listed else [_CPU]
        session = ort.InferenceSession(str(path), _options(threads), providers=wanted)
    finally:
        ort.set_default_logger_severity(_SEVERITY_WARNING)
    if session.get_providers()[0] == _CUDA:
        return session, "CUDA (the session got it)"
    if choice == "cuda":
        msg = f"model {path.name}: CUDA was asked for but the session fell back to the CPU: check driver and CUDA 13"
        raise ModelError(msg)
    return session, "CPU (CUDA is in the package but the session fell back: no usable GPU, driver or CUDA 13)"


class Model:
    """A verified model and its session.

    Parameters
    ----------
    name
        A shipped model's name or the path of an .onnx file with its card beside it.
    provider
        "auto" takes CUDA where a session really gets it, else the CPU.
    threads
        Intra-op threads; 1 unless measured otherwise on the machine at hand.

    Raises
    ------
    ModelError
        If weights or card are missing, damaged, or do not match each other.
    """

    def __init__(self, name: str | Path, *, provider: ProviderChoice = "auto", threads: int = 1) -> None:
        self.path = model_path(str(name))
        self.card: ModelCard = verify(self.path)
        try:
            self.session, self.provider = _open_session(self.path, provider, threads)
        except _LOAD_ERRORS as error:
            msg = f"model {self.path.name} cannot be loaded: {error}"
            raise ModelError(msg) from error
        self.on_device = self.session.get_providers()[0] == _CUDA
        self._check_names()

    def _check_names(self) -> None:
        for what, of_card, of_model in (
            ("inputs", self.card.inputs, {i.name for i in self.session.get_inputs()}),
            ("outputs", self.card.outputs, {o.name for o in self.session.get_outputs()}),
        ):
            if set(of_card) != of_model:
                msg = f"model {self.path.name}: {what} are {sorted(of_model)}, its card says {sorted(of_card)}"
                raise ModelError(msg)

    def runner(self, *, batch: int = 1, frames: int = 1) -> Runner:
        """Make one stream's buffers, warmed.

        Parameters
        ----------
        batch
            Stands for -1 at the front of the card's shapes.
        frames
            How long the signal is, where the card leaves that open.
        """
        return Runner(self, _shapes(self.card, batch, frames))

    def piece_runner(self, sizes: Sequence[int], *, batch: int = 1) -> PieceRunner:
        """Make one stream's buffers for a model that takes any number of frames at a time, every size warmed.

        Parameters
        ----------
        sizes
            Frames that one call may take; 1 must be among them.
        batch
            Streams that go side by side.
        """
        return PieceRunner(self, sizes, batch)

    def describe(self) -> str:
        """Say in one line what runs where and why."""
        return f"model {self.card.name} {self.card.version}: runs on {self.provider}"

    def value(self, array: Array) -> ort.OrtValue:
        """Give an array as the session takes it: on the CPU it shares the memory, on a device it is a copy there."""
        return ort.OrtValue.ortvalue_from_numpy(array, "cuda" if self.on_device else "cpu", 0)


class _States:
    """The tensors carried from call to call, on two sides that swap instead of being copied."""

    def __init__(self, model: Model, shapes: dict[str, tuple[int, ...]]) -> None:
        self.names = tuple(name for name in shapes if name.startswith("state_"))
        self.side = 0
        """Where the next call reads; it writes to the other one."""
        self._on_device = model.on_device
        self._arrays = [{n: np.zeros(shapes[n], np.float32) for n in self.names} for _ in range(2)]
        self.values = [{n: model.value(a) for n, a in arrays.items()} for arrays in self._arrays]

    def swap(self) -> None:
        self.side = 1 - self.side

    def _set(self, arrays: dict[str, Array]) -> None:
        for name, array in arrays.items():
            self._arrays[self.side][name][...] = array
            if self._on_device:
                self.values[self.side][name].update_inplace(np.ascontiguousarray(array))

    def reset(self) -> None:
        self._set({n: np.zeros_like(a) for n, a in self._arrays[self.side].items()})

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode({n: v.numpy().tobytes() for n, v in self.values[self.side].items()})

    def restore(self, state: bytes) -> None:
        raw = msgspec.msgpack.decode(state, type=dict[str, bytes])
        shapes = {n: a.shape for n, a in self._arrays[0].items()}
        self._set({n: np.frombuffer(raw[n], np.float32).reshape(shape) for n, shape in shapes.items()})


class Runner:
    """One stream's buffers for a model, all of fixed shape.

    Made by `Model.runner`. Where `states` are given they are shared with other runners of the same stream.
    """

    def __init__(self, model: Model, shapes: dict[str, tuple[int, ...]], states: _States | None = None) -> None:
        self.model = model
        self._states = states or _States(model, shapes)
        of_state = {*self._states.names, *(f"next_{name}" for name in self._states.names)}
        plain = {name: np.zeros(shape, np.float32) for name, shape in shapes.items() if name not in of_state}
        self.inputs: dict[str, Array] = {name: plain[name] for name in model.card.inputs if name in plain}
        self.outputs: dict[str, Array] = {name: plain[name] for name in model.card.outputs if name in plain}
        self._in_values = {n: model.value(a) for n, a in self.inputs.items()}
        self._out_values = {n: model.value(a) for n, a in self.outputs.items()}
        self._bindings = [self._bind(side) for side in range(2 if self._states.names else 1)]
        begin_ns = time.perf_counter_ns()
        self.run()
        self.warm_up_ms = (time.perf_counter_ns() - begin_ns) / 1e6
        self.reset()

    def _bind(self, side: int) -> ort.IOBinding:
        binding = self.model.session.io_binding()
        for name, value in self._in_values.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in self._out_values.items():
            binding.bind_ortvalue_output(name, value)
        for name in self._states.names:
            binding.bind_ortvalue_input(name, self._states.values[side][name])
            binding.bind_ortvalue_output(f"next_{name}", self._states.values[1 - side][name])
        return binding

    def run(self) -> None:
        """Run the model on `inputs`; `outputs` and the state hold the result."""
        if self.model.on_device:
            for name, array in self.inputs.items():
                self._in_values[name].update_inplace(array)
        self.model.session.run_with_iobinding(self._bindings[self._states.side])
        if self.model.on_device:
            for name, value in self._out_values.items():
                self.outputs[name][...] = value.numpy()
        if self._states.names:
            self._states.swap()

    def reset(self) -> None:
        """Forget the state."""
        self._states.reset()

    def snapshot(self) -> bytes:
        """Give the state."""
        return self._states.snapshot()

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot` of the same model."""
        self._states.restore(state)


def _shapes(card: ModelCard, batch: int, frames: int) -> dict[str, tuple[int, ...]]:
    """Give the whole shapes of inputs and outputs; where their length is open, of a signal of so many frames."""
    samples = frames * round(card.settings.get("frame_samples", 1))
    return {
        name: (batch if shape[0] == -1 else shape[0], *(length if n == -1 else n for n in shape[1:]))
        for shapes, length in ((card.inputs, samples), (card.outputs, frames))
        for name, shape in shapes.items()
    }


class PieceRunner:
    """One stream's buffers for a model whose signal may have any number of frames.

    There is a `Runner` for each of several sizes, all on one state; what has come is cut into the largest that fit.
    Made by `Model.piece_runner`.
    """

    def __init__(self, model: Model, sizes: Sequence[int], batch: int) -> None:
        self.frame = round(model.card.settings["frame_samples"])
        """Samples in a frame."""
        self._states = _States(model, _shapes(model.card, batch, 1))
        self._runners = {
            size: Runner(model, _shapes(model.card, batch, size), self._states) for size in sorted(sizes, reverse=True)
        }

    def run(self, signal: Array) -> dict[str, Array]:
        """Run the model on whole frames, (batch, ..., n_samples).

        Returns
        -------
        Its outputs by name, each (batch, ..., n_frames); good until the next call.
        """
        n_frames = signal.shape[-1] // self.frame
        if (whole := self._runners.get(n_frames)) is not None:
            whole.inputs["signal"][...] = signal
            whole.run()
            return whole.outputs
        pieces = self._runners[1].outputs
        outputs = {n: np.empty((*piece.shape[:-1], n_frames), np.float32) for n, piece in pieces.items()}
        at = 0
        for size, runner in self._runners.items():
            while n_frames - at >= size:
                runner.inputs["signal"][...] = signal[..., at * self.frame : (at + size) * self.frame]
                runner.run()
                for name, output in outputs.items():
                    output[..., at : at + size] = runner.outputs[name]
                at += size
        return outputs

    def reset(self) -> None:
        """Forget the state."""
        self._states.reset()

    def snapshot(self) -> bytes:
        """Give the state."""
        return self._states.snapshot()

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot` of the same model."""
        self._states.restore(state)
