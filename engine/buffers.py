"""The tensors that a session reads and writes, as NumPy arrays on this side and ONNX Runtime values on the other.

On the CPU the two share their memory. On a GPU the array is page-locked, so that copies go straight through the CUDA
runtime: ONNX Runtime's own Python calls copy by way of pageable memory and give every output in a new array.
"""

from __future__ import annotations

import ctypes
import math
import weakref
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from heartwire.engine.errors import ModelError

Array = npt.NDArray[Any]

_TO_DEVICE = 1
_TO_HOST = 2


class Buffer:
    """A tensor of the CPU.

    Parameters
    ----------
    shape
        Its whole shape.
    kind
        Of its numbers.
    """

    def __init__(self, shape: tuple[int, ...], kind: npt.DTypeLike = np.float32) -> None:
        self.array: Array = np.zeros(shape, kind)
        self.value = ort.OrtValue.ortvalue_from_numpy(self.array)

    def send(self) -> None:
        """Bring `array` to where the session reads it."""

    def fetch(self) -> None:
        """Bring what the session wrote into `array`."""


class CudaBuffer(Buffer):
    """A tensor of the first GPU, its address fixed, as CUDA graphs need it.

    Raises
    ------
    ModelError
        If the CUDA runtime is missing or has no memory left.
    """

    def __init__(self, shape: tuple[int, ...], kind: npt.DTypeLike = np.float32) -> None:
        self.array = _page_locked(shape, np.dtype(kind))
        self.value = ort.OrtValue.ortvalue_from_numpy(self.array, "cuda", 0)
        self._on_device, self._on_host, self._n_bytes = self.value.data_ptr(), self.array.ctypes.data, self.array.nbytes

    def send(self) -> None:
        """Copy `array` to the GPU; returns when it is there."""
        _call("cudaMemcpy", self._on_device, self._on_host, self._n_bytes, _TO_DEVICE)

    def fetch(self) -> None:
        """Copy the GPU's tensor into `array`; a run that wrote it must have returned."""
        _call("cudaMemcpy", self._on_host, self._on_device, self._n_bytes, _TO_HOST)


@cache
def _runtime() -> Any:
    """Give the CUDA runtime that ONNX Runtime's CUDA provider has loaded."""
    name = f"libcudart.so.{ort.cuda_version.split('.')[0]}"
    try:
        library = ctypes.CDLL(name)
    except OSError as error:
        msg = f"the CUDA runtime {name} cannot be loaded: {error}"
        raise ModelError(msg) from None
    library.cudaHostAlloc.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t, ctypes.c_uint]
    library.cudaMemcpy.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.cudaFreeHost.argtypes = [ctypes.c_void_p]
    return library


def _call(function: str, *arguments: Any) -> None:
    code = getattr(_runtime(), function)(*arguments)
    if code:
        msg = f"{function} failed with CUDA error {code}"
        raise ModelError(msg)


def _page_locked(shape: tuple[int, ...], kind: np.dtype[Any]) -> Array:
    place = ctypes.c_void_p()
    n_bytes = math.prod(shape) * kind.itemsize
    _call("cudaHostAlloc", ctypes.byref(place), n_bytes, 0)
    memory = (ctypes.c_byte * n_bytes).from_address(place.value or 0)
    # Views of the array keep `memory`, and with it the allocation. At exit the driver frees it itself.
    weakref.finalize(memory, _runtime().cudaFreeHost, place).atexit = False
    array: Array = np.ctypeslib.as_array(memory).view(kind).reshape(shape)
    array[...] = 0
    return array
