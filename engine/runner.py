"""Buffers bound once to a session, every shape warmed before use, state carried from call to call.

A `Runner` is one stream's buffers for a model: fill `inputs`, call `run`, read `outputs`. Tensors named `state_*` are
carried from call to call from `next_state_*`; they stay on the device.
A session belongs to one thread; runners of one model may be used in turn by that thread.
"""

from __future__ import annotations

import time

import msgspec
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from heartwire.engine.session import Session
from heartwire.models.catalogue import ModelCard

Array = npt.NDArray[np.float32]


class _States:
    """The tensors carried from call to call, on two sides that swap instead of being copied."""

    def __init__(self, session: Session, shapes: dict[str, tuple[int, ...]]) -> None:
        self.names = tuple(name for name in shapes if name.startswith("state_"))
        self.side = 0
        """Where the next call reads; it writes to the other one."""
        self.sides = [{n: session.buffer(n, shapes[n]) for n in self.names} for _ in range(2)]

    def swap(self) -> None:
        self.side = 1 - self.side

    def reset(self) -> None:
        for buffer in self.sides[self.side].values():
            buffer.array[...] = 0.0
            buffer.send()

    def snapshot(self) -> bytes:
        now = self.sides[self.side]
        for buffer in now.values():
            buffer.fetch()
        return msgspec.msgpack.encode({n: buffer.array.tobytes() for n, buffer in now.items()})

    def restore(self, state: bytes) -> None:
        raw = msgspec.msgpack.decode(state, type=dict[str, bytes])
        for name, buffer in self.sides[self.side].items():
            buffer.array[...] = np.frombuffer(raw[name], np.float32).reshape(buffer.array.shape)
            buffer.send()


class Runner:
    """One stream's buffers for a model, all of fixed shape.

    Made by `Model.runner`. With `carried` false the state is an input and an output like others.
    """

    def __init__(self, session: Session, shapes: dict[str, tuple[int, ...]], *, carried: bool = True) -> None:
        self._session = session.ort
        self._states = _States(session, shapes if carried else {})
        of_state = {*self._states.names, *(f"next_{name}" for name in self._states.names)}
        plain = {name: session.buffer(name, shape) for name, shape in shapes.items() if name not in of_state}
        self._in = {name: plain[name] for name in session.card.inputs if name in plain}
        self._out = {name: plain[name] for name in session.card.outputs if name in plain}
        self.inputs: dict[str, Array] = {name: buffer.array for name, buffer in self._in.items()}
        self.outputs: dict[str, Array] = {name: buffer.array for name, buffer in self._out.items()}
        sides = range(2 if self._states.names else 1)
        self._bound = [(self._bind(side), session.run_options()) for side in sides]
        begin_ns = time.perf_counter_ns()
        for _ in sides:
            self.run()
        self.warm_up_ms = (time.perf_counter_ns() - begin_ns) / 1e6
        self.reset()

    def _bind(self, side: int) -> ort.IOBinding:
        binding = self._session.io_binding()
        for name, buffer in self._in.items():
            binding.bind_ortvalue_input(name, buffer.value)
        for name, buffer in self._out.items():
            binding.bind_ortvalue_output(name, buffer.value)
        for name in self._states.names:
            binding.bind_ortvalue_input(name, self._states.sides[side][name].value)
            binding.bind_ortvalue_output(f"next_{name}", self._states.sides[1 - side][name].value)
        return binding

    def run(self) -> None:
        """Run the model on `inputs`; `outputs` and the state hold the result."""
        for buffer in self._in.values():
            buffer.send()
        self._session.run_with_iobinding(*self._bound[self._states.side])
        for buffer in self._out.values():
            buffer.fetch()
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


def shapes_of(card: ModelCard, batch: int, frames: int) -> dict[str, tuple[int, ...]]:
    """Give the whole shapes of inputs and outputs; where their length is open, of a signal of so many frames."""
    samples = frames * round(card.settings.get("frame_samples", 1))
    return {
        name: (batch if shape[0] == -1 else shape[0], *(length if n == -1 else n for n in shape[1:]))
        for shapes, length in ((card.inputs, samples), (card.outputs, frames))
        for name, shape in shapes.items()
    }
