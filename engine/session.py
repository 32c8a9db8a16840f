"""One model opened on one device: weights, card and tensor names checked against each other."""

from __future__ import annotations

import importlib
import itertools
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from heartwire.engine.buffers import Buffer, CudaBuffer
from heartwire.engine.errors import ModelError
from heartwire.engine.providers import CPU, CUDA, PROVIDERS, TENSORRT, TITLES, Device
from heartwire.models.catalogue import ModelCard, verify

# ONNX Runtime's errors have no base class of their own.
ORT_ERRORS = (
    ort_errors.EPFail,
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


class Session:
    """A model on one device.

    Parameters
    ----------
    path
        The .onnx file, its card beside it.
    device
        Where it runs.
    threads
        Intra-op threads of what runs on the CPU.
    graph
        On CUDA, record a graph for each set of buffers and replay it: one launch a run instead of one a node.

    Raises
    ------
    ModelError
        If weights or card are missing, damaged or do not match each other, or the device cannot be used.
    """

    def __init__(self, path: Path, device: Device = "cpu", *, threads: int = 1, graph: bool = False) -> None:
        self.path = path
        self.card: ModelCard = verify(path)
        self.on_device = device != "cpu"
        self.graph = graph
        self._graph_ids = itertools.count(1)
        try:
            self.ort = self._open(device, threads)
        except ORT_ERRORS as error:
            msg = f"model {path.name} cannot be loaded: {error}"
            raise ModelError(msg) from error
        self._check_names()
        self._of_bytes = {
            t.name for t in (*self.ort.get_inputs(), *self.ort.get_outputs()) if t.type == "tensor(uint8)"
        }

    def _open(self, device: Device, threads: int) -> ort.InferenceSession:
        if device == "cpu":
            return ort.InferenceSession(str(self.path), _options(threads), providers=[CPU])
        title = f"model {self.path.name}: {TITLES[device]} was asked for but"
        if PROVIDERS[device] not in ort.get_available_providers():
            msg = f"{title} this onnxruntime is the CPU package: install heartwire[gpu]"
            raise ModelError(msg)
        # Without this ONNX Runtime does not find the pip-installed CUDA, cuDNN and TensorRT libraries.
        ort.preload_dlls()
        if device == "tensorrt":
            with suppress(ImportError):
                importlib.import_module("tensorrt")
        ort.set_default_logger_severity(_SEVERITY_FATAL)
        try:
            # With its fallback ONNX Runtime would try again without the options, and say so on the terminal.
            session = ort.InferenceSession(
                str(self.path), _options(threads), providers=self._providers(device), enable_fallback=0
            )
        finally:
            ort.set_default_logger_severity(_SEVERITY_WARNING)
        if session.get_providers()[0] != PROVIDERS[device]:
            missing = "driver and CUDA 13" if device == "cuda" else "driver, CUDA 13 and the package tensorrt"
            msg = f"{title} it could not be used: check {missing}"
            raise ModelError(msg)
        return session

    def _providers(self, device: Device) -> list[str | tuple[str, dict[str, Any]]]:
        """Give ONNX Runtime's providers, first the wanted one; what TensorRT cannot take is left to CUDA."""
        if device == "cuda":
            return [(CUDA, {"enable_cuda_graph": "1" if self.graph else "0"}), CPU]
        engines = engine_folder(self.card)
        engines.mkdir(parents=True, exist_ok=True)
        kept = {
            "trt_engine_cache_enable": "1",
            "trt_engine_cache_path": str(engines),
            "trt_timing_cache_enable": "1",
            "trt_timing_cache_path": str(engines),
        }
        return [(TENSORRT, kept), (CUDA, {}), CPU]

    def _check_names(self) -> None:
        for what, of_card, of_model in (
            ("inputs", self.card.inputs, {i.name for i in self.ort.get_inputs()}),
            ("outputs", self.card.outputs, {o.name for o in self.ort.get_outputs()}),
        ):
            if set(of_card) != of_model:
                msg = f"model {self.path.name}: {what} are {sorted(of_model)}, its card says {sorted(of_card)}"
                raise ModelError(msg)

    def buffer(self, name: str, shape: tuple[int, ...]) -> Buffer:
        """Make a tensor for an input or output where the session works, filled with zeros."""
        kind = np.uint8 if name in self._of_bytes else np.float32
        return CudaBuffer(shape, kind) if self.on_device else Buffer(shape, kind)

    def run_options(self) -> ort.RunOptions | None:
        """Give what must go with every run on one set of buffers: the number of its CUDA graph, where there is one."""
        if not self.graph:
            return None
        options = ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(next(self._graph_ids)))
        return options


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    # A spinning pool burns a whole core between calls and starves the neighbours.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def engine_folder(card: ModelCard) -> Path:
    """Give where the engines that TensorRT builds of a model are kept: building one takes minutes."""
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "heartwire" / "tensorrt" / f"{card.name}-{card.sha256[:12]}"
