"""A model is opened on the device that was asked for, or refused with what is missing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from heartwire.engine import session
from heartwire.engine.errors import ModelError
from heartwire.engine.providers import CPU, CUDA, TENSORRT
from heartwire.engine.session import Session, engine_folder
from heartwire.models.catalogue import model_path, read_card

MODEL = model_path("ecg-fibrillation")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[list[Any]]:
    """Have ONNX Runtime list all providers and run on the first one asked for; gives what was asked for."""
    asked: list[list[Any]] = []
    made = session.ort.InferenceSession

    def opened(path: str, options: Any, providers: list[Any], **_: Any) -> Any:
        asked.append(providers)
        on_cpu = made(path, options, providers=[CPU])
        return SimpleNamespace(
            get_providers=lambda: [providers[0][0]], get_inputs=on_cpu.get_inputs, get_outputs=on_cpu.get_outputs
        )

    monkeypatch.setattr(session.ort, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    monkeypatch.setattr(session.ort, "preload_dlls", lambda: None)
    monkeypatch.setattr(session.ort, "InferenceSession", opened)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return asked


def test_tensorrt_keeps_its_engines_and_leaves_the_rest_to_cuda(asked: list[list[Any]], tmp_path: Path) -> None:
    opened = Session(MODEL, "tensorrt")
    (name, options), cuda, cpu = asked[0]
    assert (name, cuda, cpu) == (TENSORRT, (CUDA, {}), CPU)
    folder = engine_folder(read_card(MODEL))
    assert folder.is_dir()
    assert folder.is_relative_to(tmp_path)
    assert options["trt_engine_cache_enable"] == "1"
    assert options["trt_engine_cache_path"] == str(folder)
    assert opened.on_device
    assert opened.run_options() is None


def test_engines_of_other_weights_are_kept_apart() -> None:
    folders = {engine_folder(read_card(model_path(name))) for name in ("ecg-vf", "folds/ecg-vf-0", "folds/ecg-vf-1")}
    assert len(folders) == 3


@pytest.mark.parametrize("graph", [False, True])
def test_cuda_records_a_graph_only_where_that_was_asked_for(asked: list[list[Any]], graph: bool) -> None:
    Session(MODEL, "cuda", graph=graph)
    assert asked == [[(CUDA, {"enable_cuda_graph": str(int(graph))}), CPU]]


@pytest.mark.usefixtures("asked")
def test_a_session_that_fell_back_is_refused_with_what_to_check(monkeypatch: pytest.MonkeyPatch) -> None:
    fallen = SimpleNamespace(get_providers=lambda: [CUDA, CPU])
    monkeypatch.setattr(session.ort, "InferenceSession", lambda *_, **__: fallen)
    with pytest.raises(ModelError, match="TensorRT was asked for but it could not be used"):
        Session(MODEL, "tensorrt")


def test_what_is_not_in_the_package_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session.ort, "get_available_providers", lambda: [CPU])
    with pytest.raises(ModelError, match="TensorRT was asked for but this onnxruntime is the CPU package"):
        Session(MODEL, "tensorrt")
