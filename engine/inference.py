"""ONNX Runtime: which provider really runs, buffers bound once, every shape warmed before use.

A `Model` is a session checked against its card. A `Runner` is one stream's buffers for it: fill `inputs`, call `run`,
read `outputs`. Tensors named `state_*` are carried from call to call from `next_state_*`. A session belongs to one
thread; runners of one model may be used in turn by that thread.
"""

from __future__ import annotations

import time
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

    def runner(self, *, batch: int = 1, shapes: dict[str, tuple[int, ...]] | None = None) -> Runner:
        """Make one stream's buffers, warmed.

        Parameters
        ----------
        batch
            Stands for -1 in the card's shapes.
        shapes
            Whole shapes by tensor name, where the card leaves more than the batch open.
        """
        return Runner(self, batch, shapes or {})

    def describe(self) -> str:
        """Say in one line what runs where and why."""
        return f"model {self.card.name} {self.card.version}: runs on {self.provider}"


class Runner:
    """One stream's buffers for a model; the state tensors swap sides at each call instead of being copied."""

    def __init__(self, model: Model, batch: int, shapes: dict[str, tuple[int, ...]]) -> None:
        card = model.card
        self.model = model

        def array(name: str, shape: list[int]) -> Array:
            return np.zeros(shapes.get(name) or tuple(batch if n == -1 else n for n in shape), np.float32)

        self._state_names = [name for name in card.inputs if name.startswith("state_")]
        self.inputs = {n: array(n, s) for n, s in card.inputs.items() if n not in self._state_names}
        self.outputs = {n: array(n, s) for n, s in card.outputs.items() if not n.startswith("next_state_")}
        self._states = [{n: array(n, card.inputs[n]) for n in self._state_names} for _ in range(2)]
        self._side = 0
        self._device_states: list[dict[str, ort.OrtValue]] = []
        self._bindings = [self._bind(side) for side in range(2 if self._state_names else 1)]
        begin_ns = time.perf_counter_ns()
        self.run()
        self.warm_up_ms = (time.perf_counter_ns() - begin_ns) / 1e6
        self.reset()

    def _value(self, array: Array) -> ort.OrtValue:
        # On the CPU the value shares the array's memory; on a device it is a copy there.
        return ort.OrtValue.ortvalue_from_numpy(array, "cuda" if self.model.on_device else "cpu", 0)

    def _bind(self, side: int) -> ort.IOBinding:
        if not self._device_states:
            self._device_states = [{n: self._value(a) for n, a in states.items()} for states in self._states]
            self._in_values = {n: self._value(a) for n, a in self.inputs.items()}
            self._out_values = {n: self._value(a) for n, a in self.outputs.items()}
        binding = self.model.session.io_binding()
        for name, value in self._in_values.items():
            binding.bind_ortvalue_input(name, value)
        for name, value in self._out_values.items():
            binding.bind_ortvalue_output(name, value)
        for name in self._state_names:
            binding.bind_ortvalue_input(name, self._device_states[side][name])
            binding.bind_ortvalue_output(f"next_{name}", self._device_states[1 - side][name])
        return binding

    def run(self) -> None:
        """Run the model on `inputs`; `outputs` and the state hold the result."""
        if self.model.on_device:
            for name, array in self.inputs.items():
                self._in_values[name].update_inplace(array)
        self.model.session.run_with_iobinding(self._bindings[self._side])
        if self.model.on_device:
            for name, value in self._out_values.items():
                self.outputs[name][...] = value.numpy()
        if self._state_names:
            self._side = 1 - self._side

    def _set_state(self, arrays: dict[str, Array]) -> None:
        for name, array in arrays.items():
            self._states[self._side][name][...] = array
            if self.model.on_device:
                self._device_states[self._side][name].update_inplace(np.ascontiguousarray(array))

    def reset(self) -> None:
        """Forget the state."""
        self._set_state({n: np.zeros_like(a) for n, a in self._states[self._side].items()})

    def snapshot(self) -> bytes:
        """Give the state."""
        values = self._device_states[self._side]
        return msgspec.msgpack.encode({n: v.numpy().tobytes() for n, v in values.items()})

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot` of the same model."""
        raw = msgspec.msgpack.decode(state, type=dict[str, bytes])
        shapes = {n: a.shape for n, a in self._states[0].items()}
        self._set_state({n: np.frombuffer(raw[n], np.float32).reshape(shape) for n, shape in shapes.items()})
