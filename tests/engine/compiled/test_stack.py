"""Tests of compiled networks in the place of ONNX Runtime."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from heartwire.engine.compiled import stack as stacks
from heartwire.engine.compiled.qrs import QrsNetwork
from heartwire.engine.compiled.stack import CompiledStack, compiled
from heartwire.engine.inference import Model
from heartwire.engine.session import Session
from heartwire.engine.stacking import Question, SessionStack, Stack, State
from heartwire.models.catalogue import WEIGHTS

_COMPILED = ["ecg-qrs", "ecg-beats", "ecg-fibrillation"]


def _session(name: str) -> Session:
    return Session(WEIGHTS / f"{name}.onnx")


def _asked(session: Session, random: np.random.Generator, frames: int) -> dict[str, np.ndarray]:
    return {
        name: random.standard_normal([1, *(8 * frames if n == -1 else n for n in shape[1:])], np.float32)
        for name, shape in session.card.inputs.items()
        if not name.startswith("state_")
    }


@pytest.mark.parametrize("name", _COMPILED)
def test_outputs_and_states_are_those_of_onnx_runtime_over_many_calls(name: str) -> None:
    session, random = _session(name), np.random.default_rng(3)
    ours, theirs = compiled(session), SessionStack(session)
    assert ours is not None
    one, other = ours.state(), theirs.state()
    for frames in (1, 2, 7, 1, 16, 40, 3):
        asked = _asked(session, random, frames)
        (found,) = ours.answer([Question(ours, asked, frames=frames, state=one)])
        (expected,) = theirs.answer([Question(theirs, asked, frames=frames, state=other)])
        assert found.outputs.keys() == expected.outputs.keys() - {f"next_{key}" for key in session.card.inputs}
        for output in found.outputs:
            np.testing.assert_allclose(found.rows(output), expected.rows(output), atol=2e-5)
    after, expected_after = (np.frombuffer(state.snapshot(), np.float32) for state in (one, other))
    np.testing.assert_allclose(after, expected_after, atol=1e-4)


@pytest.mark.parametrize("name", _COMPILED)
def test_a_state_goes_from_one_kind_to_the_other_and_back(name: str) -> None:
    session, random = _session(name), np.random.default_rng(4)
    ours, theirs = compiled(session), SessionStack(session)
    assert ours is not None
    state, other = ours.state(), theirs.state()
    asked = _asked(session, random, 5)
    ours.answer([Question(ours, asked, frames=5, state=state)])
    saved = state.snapshot()
    other.restore(saved)
    assert other.snapshot() == saved
    again = ours.state()
    again.restore(other.snapshot())
    np.testing.assert_array_equal(_output(ours, asked, again), _output(ours, asked, state))


def _output(stack: Stack, asked: dict[str, np.ndarray], state: State) -> np.ndarray:
    (answer,) = stack.answer([Question(stack, asked, frames=5, state=state)])
    return np.concatenate([answer.rows(name).ravel() for name in answer.outputs])


def test_the_cutting_into_calls_does_not_change_a_bit_of_what_the_qrs_network_says() -> None:
    stack = compiled(_session("ecg-qrs"))
    assert stack is not None
    signal = np.random.default_rng(5).standard_normal((1, 2, 1, 8 * 90), np.float32)
    told = []
    for sizes in ([90], [1] * 90, [13, 30, 1, 16, 30]):
        state, at, parts = stack.state(), 0, []
        for n in sizes:
            piece = {"signal": signal[..., 8 * at : 8 * (at + n)]}
            (answer,) = stack.answer([Question(stack, piece, frames=n, state=state)])
            parts.append(answer.rows("qrs").copy())
            at += n
        told.append(np.concatenate(parts, axis=3))
    np.testing.assert_array_equal(told[1], told[0])
    np.testing.assert_array_equal(told[2], told[0])


def test_networks_of_other_makes_are_left_to_onnx_runtime() -> None:
    assert compiled(_session("ecg-vf")) is None
    theirs, ours = Model("ecg-vf", provider="cpu"), Model("ecg-qrs", provider="cpu")
    assert isinstance(theirs.stack, SessionStack)
    assert isinstance(ours.stack, CompiledStack)
    assert ours.describe().endswith(", compiled")
    assert "compiled" not in theirs.describe()


def test_one_that_says_something_else_is_left_to_onnx_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned(read: Callable[[Path], dict[str, np.ndarray]]) -> Callable[[Path], dict[str, np.ndarray]]:
        return lambda path: {name: 1.01 * tensor for name, tensor in read(path).items()}

    monkeypatch.setattr(stacks, "read_tensors", poisoned(stacks.read_tensors))
    assert compiled(_session("ecg-qrs")) is None


def test_a_network_of_the_same_names_and_other_shapes_is_not_taken() -> None:
    tensors = stacks.read_tensors(WEIGHTS / "ecg-qrs.onnx")
    with pytest.raises(ValueError, match=r"network\.heads\.weight has the shape"):
        QrsNetwork(tensors | {"network.heads.weight": np.zeros((20, 48, 1, 1), np.float32)})
