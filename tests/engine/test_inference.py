"""What runs is what the card describes; state is carried, saved and put back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from heartwire.engine import inference
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model
from heartwire.engine.providers import CPU, CUDA
from heartwire.engine.runner import Runner
from heartwire.engine.session import Session
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


@pytest.fixture
def cuda_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ONNX Runtime list CUDA, as its GPU package does."""
    monkeypatch.setattr(inference.ort, "get_available_providers", lambda: [CUDA, CPU])


@pytest.mark.usefixtures("cuda_listed")
@pytest.mark.parametrize(("gpu_ms", "taken"), [(0.5, "CUDA (graph); "), (2.0, "CPU (")])
def test_auto_takes_what_a_warm_run_shows_to_be_faster_and_says_both_times(
    monkeypatch: pytest.MonkeyPatch, gpu_ms: float, taken: str
) -> None:
    path = model_path("ecg-fibrillation")
    on_gpu = Session(path)
    monkeypatch.setattr(inference, "_on_gpu", lambda *_: (on_gpu, "CUDA (graph)"))
    monkeypatch.setattr(inference, "_run_ms", lambda session: gpu_ms if session is on_gpu else 1.0)
    model = Model(path)
    assert (model.session is on_gpu.ort) == (gpu_ms < 1.0)
    assert f"runs on {taken}a warm run took 1.000 ms on the CPU, {gpu_ms:.3f} ms on CUDA" in model.describe()


@pytest.mark.usefixtures("cuda_listed")
def test_auto_runs_on_the_cpu_where_cuda_cannot_be_used_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, device: str, threads: int) -> None:
        msg = "no driver"
        raise ModelError(msg)

    monkeypatch.setattr(inference, "_on_gpu", refused)
    assert "runs on CPU (CUDA is in the package but cannot be used: no driver)" in Model("ecg-fibrillation").describe()


def cpu_session(path: Path, device: str, *, threads: int = 1, graph: bool = False) -> Session:
    """Open on the CPU what is asked for on the GPU; a graph is refused."""
    if graph:
        msg = f"model {path.name}: nodes on the CPU\nand more"
        raise ModelError(msg)
    return Session(path)


def test_a_model_that_allows_no_graph_runs_without_one_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inference, "Session", cpu_session)
    described = Model("ecg-fibrillation", provider="cuda").describe()
    assert described.endswith("runs on CUDA (no graph: model ecg-fibrillation.onnx: nodes on the CPU)")


def test_on_a_gpu_the_form_for_gpus_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    source = model_path("ecg-fibrillation")
    for folder in (tmp_path, tmp_path / "gpu"):
        folder.mkdir(exist_ok=True)
        for path in (source, source.with_suffix(".toml")):
            shutil.copy(path, folder)
    monkeypatch.setattr(inference, "Session", cpu_session)
    assert Model(tmp_path / source.name, provider="cuda").path == tmp_path / "gpu" / source.name


def test_a_form_for_gpus_of_another_model_is_refused(tmp_path: Path) -> None:
    for folder, name in ((tmp_path, "ecg-fibrillation"), (tmp_path / "gpu", "ecg-vf")):
        folder.mkdir(exist_ok=True)
        for suffix in (".onnx", ".toml"):
            shutil.copy(model_path(name).with_suffix(suffix), folder / f"model{suffix}")
    with pytest.raises(ModelError, match="are not forms of one model"):
        Model(tmp_path / "model.onnx", provider="cuda")


def test_a_warm_run_is_timed(model: Model) -> None:
    assert 0.0 < inference._run_ms(Session(model.path)) < 1000.0


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
