"""What runs is what the card describes; state is carried, saved and put back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model, Runner
from heartwire.models.catalogue import model_path, sha256_of


def outputs(runner: Runner, seeds: range) -> list[bytes]:
    """Run on random inputs; give the outputs' bytes after each run."""
    seen = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        for array in runner.inputs.values():
            array[...] = rng.standard_normal(array.shape, np.float32)
        runner.run()
        seen.append(b"".join(a.tobytes() for a in runner.outputs.values()))
    return seen


def copied(outputs: dict[str, Any]) -> dict[str, Any]:
    return {name: output.copy() for name, output in outputs.items()}


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("ecg-qrs", provider="cpu")


def test_the_line_for_the_user_says_which_provider_runs_and_why(model: Model) -> None:
    assert "runs on CPU (chosen for this stream)" in model.describe()


def test_state_makes_the_past_matter(model: Model) -> None:
    runner = model.runner()
    first = outputs(runner, range(5))
    assert outputs(runner, range(5)) != first


def test_reset_equals_fresh(model: Model) -> None:
    runner = model.runner()
    fresh = outputs(runner, range(5))
    runner.reset()
    assert outputs(runner, range(5)) == fresh


def test_snapshot_and_restore_equal_never_stopped(model: Model) -> None:
    runner, other = model.runner(), model.runner()
    outputs(runner, range(7))
    other.restore(runner.snapshot())
    assert outputs(other, range(7, 12)) == outputs(runner, range(7, 12))


def test_runners_of_one_model_do_not_share_state(model: Model) -> None:
    one, two = model.runner(), model.runner()
    alone = outputs(one, range(3))
    one.reset()
    outputs(two, range(20, 23))
    assert outputs(one, range(3)) == alone


def test_a_runner_of_an_open_length_takes_as_many_frames_as_asked_for(model: Model) -> None:
    assert model.runner().inputs["signal"].shape == (1, 2, 1, 8)
    three = model.runner(batch=2, frames=3)
    assert (three.inputs["signal"].shape, three.outputs["qrs"].shape) == ((2, 2, 1, 24), (2, 16, 1, 3))


@settings(max_examples=20, deadline=None)
@given(pieces=st.lists(st.integers(0, 40), min_size=1, max_size=12), seed=st.integers(0, 100))
def test_pieces_of_any_size_give_the_bits_of_frame_by_frame(model: Model, pieces: list[int], seed: int) -> None:
    signal = np.random.default_rng(seed).standard_normal((2, 2, 1, 8 * sum(pieces)), np.float32)
    one = model.piece_runner([1], batch=2)
    whole = [copied(one.run(signal[..., at : at + 8])) for at in range(0, signal.shape[-1], 8)]
    runner = model.piece_runner([1, 3, 8, 16], batch=2)
    ends = 8 * np.cumsum(pieces)
    cut = [copied(runner.run(part)) for part in np.split(signal, ends[:-1], axis=-1)]
    for name in ("qrs", "quality"):
        found, expected = (np.concatenate([o[name] for o in outputs] or [np.zeros(0)], -1) for outputs in (cut, whole))
        np.testing.assert_array_equal(found, expected if whole else found)
    assert runner.snapshot() == one.snapshot()


def test_streams_side_by_side_give_what_each_gives_alone(model: Model) -> None:
    signal = np.random.default_rng(5).standard_normal((3, 2, 1, 8 * 21), np.float32)
    together = model.piece_runner([1, 4, 16], batch=3).run(signal)
    for stream in range(3):
        alone = model.piece_runner([1, 4, 16]).run(signal[stream : stream + 1])
        for name, output in alone.items():
            np.testing.assert_array_equal(output[0], together[name][stream])


def test_a_piece_runner_is_reset_saved_and_restored_as_one(model: Model) -> None:
    signal = np.random.default_rng(6).standard_normal((1, 2, 1, 8 * 30), np.float32)
    one, other = model.piece_runner([1, 8]), model.piece_runner([1, 8])
    first = one.run(signal)["qrs"].copy()
    one.reset()
    assert not (one.run(signal[..., :80])["qrs"] - first[..., :10]).any()
    other.restore(one.snapshot())
    assert not (other.run(signal[..., 80:])["qrs"] - first[..., 10:]).any()


def test_warm_up_is_timed_and_leaves_no_trace(model: Model) -> None:
    runner = model.runner()
    assert runner.warm_up_ms > 0
    assert all(not v for v in runner.snapshot()[-64:])


def test_weights_that_are_not_onnx_are_refused(tmp_path: Path) -> None:
    source = model_path("ecg-qrs")
    copy = tmp_path / source.name
    copy.write_bytes(b"not a model")
    card = source.with_suffix(".toml").read_text()
    card = card.replace(sha256_of(source), sha256_of(copy))
    copy.with_suffix(".toml").write_text(card)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Model(copy)


def test_a_card_with_other_tensor_names_is_refused(tmp_path: Path) -> None:
    source = model_path("ecg-qrs")
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    card = source.with_suffix(".toml").read_text()
    copy.with_suffix(".toml").write_text(card.replace("signal", "wave"))
    with pytest.raises(ModelError, match="its card says"):
        Model(copy)
