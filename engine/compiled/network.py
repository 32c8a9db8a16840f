"""What a compiled network is to those who run it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np

from heartwire.engine.compiled.affine import Array, Offsets


class Network(ABC):
    """A network with the weights of a file; what a stream's state holds is its own affair."""

    state_size = 0
    """Numbers of state a stream."""

    @abstractmethod
    def run(self, inputs: Sequence[Mapping[str, Array]], states: Array, rows: Offsets) -> dict[str, Array]:
        """Take what each stream asks, and the rows of their states; give the outputs, one row a stream."""

    def saved(self, state: Array) -> bytes:
        """Give a state as ONNX Runtime would hold it."""
        return state.tobytes()

    def load(self, state: Array, saved: bytes) -> None:
        """Take what `saved` gave."""
        state[:] = np.frombuffer(saved, np.float32)
