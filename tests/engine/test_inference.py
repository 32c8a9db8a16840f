"""What runs is what the card describes; state is carried, saved and put back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

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


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("ecg-beats", provider="cpu")


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


def test_warm_up_is_timed_and_leaves_no_trace(model: Model) -> None:
    runner = model.runner()
    assert runner.warm_up_ms > 0
    assert all(not v for v in runner.snapshot()[-64:])


def test_weights_that_are_not_onnx_are_refused(tmp_path: Path) -> None:
    source = model_path("ecg-beats")
    copy = tmp_path / source.name
    copy.write_bytes(b"not a model")
    card = source.with_suffix(".toml").read_text()
    card = card.replace(sha256_of(source), sha256_of(copy))
    copy.with_suffix(".toml").write_text(card)
    with pytest.raises(ModelError, match="cannot be loaded"):
        Model(copy)


def test_a_card_with_other_tensor_names_is_refused(tmp_path: Path) -> None:
    source = model_path("ecg-beats")
    copy = tmp_path / source.name
    shutil.copy(source, copy)
    card = source.with_suffix(".toml").read_text()
    copy.with_suffix(".toml").write_text(card.replace("signal", "wave"))
    with pytest.raises(ModelError, match="its card says"):
        Model(copy)
