"""What a compiled network is to those who run it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from heartwire.engine.compiled.affine import Array, Offsets
from heartwire.models.tensors import Tensors


def stacked(inputs: Sequence[Array], shape: tuple[int, ...]) -> Array:
    """Put the inputs of all streams, each of this shape, into one array."""
    together = np.empty((len(inputs), *shape), np.float32)
    for k, each in enumerate(inputs):
        together[k] = each.reshape(shape)
    return together


class Network(ABC):
    """A network with the weights of a file; what a stream's state holds is its own affair.

    Parameters
    ----------
    tensors
        Those of the file.

    Raises
    ------
    KeyError
        If they are not those of this network.
    ValueError
        If they have other shapes.
    """

    state_size = 0
    """Numbers of state a stream."""

    @abstractmethod
    def __init__(self, tensors: Tensors) -> None: ...

    @abstractmethod
    def run(self, inputs: Sequence[Mapping[str, Array]], states: Array, rows: Offsets) -> dict[str, Array]:
        """Take what each stream asks, and the rows of their states; give the outputs, one row a stream."""

    def saved(self, state: Array) -> bytes:
        """Give a state as ONNX Runtime would hold it."""
        return state.tobytes()

    def load(self, state: Array, saved: bytes) -> None:
        """Take what `saved` gave."""
        state[:] = np.frombuffer(saved, np.float32)
