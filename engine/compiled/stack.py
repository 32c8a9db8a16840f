"""A compiled network in the place of a session: who asks it does not notice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from heartwire.engine.alignment import aligned
from heartwire.engine.compiled.affine import Array
from heartwire.engine.compiled.beats import BeatNetwork
from heartwire.engine.compiled.fibrillation import FibrillationNetwork
from heartwire.engine.compiled.network import Network
from heartwire.engine.compiled.qrs import QrsNetwork
from heartwire.engine.runner import Runner, shapes_of
from heartwire.engine.session import Session
from heartwire.engine.stacking import Answer, Question, Stack, State
from heartwire.models.tensors import read_tensors

_NETWORKS = (QrsNetwork, BeatNetwork, FibrillationNetwork)
_FRAMES = 3
_NEAR = 1e-4
"""Most that outputs and states may differ from ONNX Runtime's, which sums in another order."""


class _CompiledState(State):
    """What a compiled network carries from call to call for one stream; saved as a session's."""

    def __init__(self, network: Network, states: Sequence[Array], row: int) -> None:
        super().__init__(states, row)
        self._network = network

    def snapshot(self) -> bytes:
        return self._network.saved(self._states[0][self.row])

    def restore(self, state: bytes) -> None:
        self._network.load(self._states[0][self.row], state)


class CompiledStack(Stack):
    """A compiled network that many streams of one thread share.

    Parameters
    ----------
    network
        The network.
    """

    def __init__(self, network: Network) -> None:
        super().__init__([network.state_size])
        self.network = network

    @property
    def states(self) -> Array:
        """The states of all streams, each in the row of its `State`."""
        return self._states[0]

    def _hold(self, row: int) -> State:
        return _CompiledState(self.network, self._states, row)

    def warm_up(self, n_streams: int, rows: int = 1, frames: Iterable[int] = (1,)) -> None:
        """Do nothing: the comparison with ONNX Runtime has run the network, and its shapes are all alike to it."""

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Run the network once for all the questions, all of the same number of frames."""
        rows = np.array([question.state.row if question.state else 0 for question in questions], np.int64)
        outputs = self.network.run([question.inputs for question in questions], self.states, rows)
        return [Answer(outputs, k, k + 1) for k in range(len(questions))]


def compiled(session: Session) -> CompiledStack | None:
    """Give the compiled form of a model; None where there is none, or where it gives something else."""
    try:
        tensors = read_tensors(session.path)
    except ValueError:  # of a make that only ONNX Runtime reads
        return None
    for kind in _NETWORKS:
        try:
            network: Network = kind(tensors)
        except (KeyError, ValueError):
            continue
        return CompiledStack(network) if _agrees(network, session) else None
    return None


def _agrees(network: Network, session: Session) -> bool:
    """Tell whether a network gives what ONNX Runtime gives, from any state on, and leaves the same state."""
    runner = Runner(session, shapes_of(session.card, 1, _FRAMES), carried=False)
    random = np.random.default_rng(0)
    for tensor in runner.inputs.values():
        tensor[...] = random.standard_normal(tensor.shape)
    states = aligned((1, network.state_size))
    names = [name for name in session.card.inputs if name.startswith("state_")]
    network.load(states[0], b"".join(runner.inputs[name].tobytes() for name in names))
    runner.run()
    outputs = network.run([runner.inputs], states, np.zeros(1, np.int64))
    outputs["after"] = np.frombuffer(network.saved(states[0]), np.float32)
    expected = dict(runner.outputs)
    after = [expected.pop(f"next_{name}").ravel() for name in names]
    expected["after"] = np.concatenate(after) if after else np.empty(0, np.float32)
    return outputs.keys() == expected.keys() and all(
        outputs[name].shape == value.shape and np.allclose(outputs[name], value, rtol=_NEAR, atol=_NEAR)
        for name, value in expected.items()
    )
