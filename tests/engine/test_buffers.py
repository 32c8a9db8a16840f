"""Tensors as the session and as NumPy see them; those of a GPU need one."""

from __future__ import annotations

import ctypes
import gc
from typing import Any

import numpy as np
import pytest

from heartwire.engine import buffers
from heartwire.engine.buffers import Buffer, CudaBuffer
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model


@pytest.fixture(scope="module")
def gpu() -> Model:
    """Give a model on the GPU, which loads CUDA's libraries."""
    try:
        return Model("ecg-beats", provider="cuda")
    except ModelError as error:
        pytest.skip(f"needs a CUDA GPU: {error}")


def test_on_the_cpu_array_and_value_share_their_memory() -> None:
    buffer = Buffer((2, 3))
    buffer.array[1, 2] = 5.0
    buffer.send()
    assert buffer.value.numpy()[1, 2] == 5.0
    assert buffer.value.data_ptr() == buffer.array.ctypes.data


class FakeRuntime:
    """The calls of the CUDA runtime, with memory of the CPU."""

    def __init__(self) -> None:
        self.code = 0
        self.given: dict[int, Any] = {}

    def cudaHostAlloc(self, place: Any, n_bytes: int, flags: int) -> int:  # noqa: N802
        memory = ctypes.create_string_buffer(n_bytes)
        place._obj.value = ctypes.addressof(memory)
        self.given[ctypes.addressof(memory)] = memory
        return self.code

    def cudaFreeHost(self, place: ctypes.c_void_p) -> int:  # noqa: N802
        del self.given[place.value or 0]
        return self.code

    def cudaMemcpy(self, to: int, source: int, n_bytes: int, kind: int) -> int:  # noqa: N802
        assert (to in self.given) == (kind == 2)
        ctypes.memmove(to, source, n_bytes)
        return self.code


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    fake = FakeRuntime()
    make = buffers.ort.OrtValue.ortvalue_from_numpy
    monkeypatch.setattr(buffers, "_runtime", lambda: fake)
    monkeypatch.setattr(buffers.ort.OrtValue, "ortvalue_from_numpy", lambda array, *_: make(array.copy()))
    return fake


def test_a_gpus_buffer_copies_its_whole_tensor_each_way(runtime: FakeRuntime) -> None:
    buffer = CudaBuffer((2, 3))
    buffer.array[...] = sent = np.arange(6, dtype=np.float32).reshape(2, 3)
    buffer.send()
    np.testing.assert_array_equal(buffer.value.numpy(), sent)
    buffer.array[...] = 0.0
    buffer.fetch()
    np.testing.assert_array_equal(buffer.array, sent)


def test_page_locked_memory_is_given_back_with_the_last_view(runtime: FakeRuntime) -> None:
    view = CudaBuffer((10,)).array[2:]
    gc.collect()
    assert len(runtime.given) == 1
    del view
    gc.collect()
    assert not runtime.given


def test_what_the_cuda_runtime_refuses_is_told(runtime: FakeRuntime) -> None:
    buffer = CudaBuffer((1,))
    runtime.code = 700
    with pytest.raises(ModelError, match="cudaMemcpy failed with CUDA error 700"):
        buffer.send()


@pytest.mark.usefixtures("gpu")
def test_what_is_sent_to_the_gpu_comes_back() -> None:
    buffer = CudaBuffer((3, 5))
    assert not buffer.array.any()
    sent = np.random.default_rng(1).standard_normal((3, 5), np.float32)
    buffer.array[...] = sent
    buffer.send()
    buffer.array[...] = 0.0
    buffer.fetch()
    np.testing.assert_array_equal(buffer.array, sent)


@pytest.mark.usefixtures("gpu")
def test_a_view_keeps_page_locked_memory_alive() -> None:
    view = CudaBuffer((1000,)).array[10:20]
    gc.collect()
    view[...] = 1.0
    assert view.sum() == 10.0


def test_a_gpu_gives_the_cpus_outputs_and_its_state_is_saved_and_restored(gpu: Model) -> None:
    on_cpu, on_gpu, other = Model("ecg-beats", provider="cpu").runner(), gpu.runner(), gpu.runner()
    for step in range(4):
        rng = np.random.default_rng(step)
        for name, array in on_cpu.inputs.items():
            array[...] = on_gpu.inputs[name][...] = rng.standard_normal(array.shape, np.float32)
        on_cpu.run()
        other.restore(on_gpu.snapshot())
        for name, array in on_gpu.inputs.items():
            other.inputs[name][...] = array
        on_gpu.run()
        other.run()
        for name, output in on_cpu.outputs.items():
            np.testing.assert_allclose(on_gpu.outputs[name], output, atol=5e-3)
            np.testing.assert_array_equal(on_gpu.outputs[name], other.outputs[name])
