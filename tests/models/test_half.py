"""A float model in half precision: near the same outputs, float32 outside, the card of the model for CPUs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from heartwire.engine.inference import Model, check_same

torch = pytest.importorskip("torch", reason="needs the training extra")

from heartwire.models.catalogue import ModelCard  # noqa: E402
from heartwire.models.export import export, shapes_of, write_card  # noqa: E402
from heartwire.models.half import ship_half  # noqa: E402

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def test_the_form_for_gpus_gives_near_the_same_and_goes_with_its_model(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(8, 2, 1))
    inputs, outputs = {"image": torch.zeros(2, 3, 32, 32)}, {"device": torch.zeros(2, 2, 32, 32)}
    plain, path = tmp_path / "float" / "net.onnx", tmp_path / "net.onnx"
    export(network, plain, inputs, list(outputs))
    path.write_bytes(plain.read_bytes())
    text = dict.fromkeys(("version", "task", "sha256", "split", "command", "intended_use", "limits"), "")
    card = ModelCard(name="net", inputs=shapes_of(inputs), outputs=shapes_of(outputs), data=[], seed=1, **text)
    write_card(card, path)

    half = ship_half(plain, path)

    assert half == tmp_path / "gpu" / "net.onnx"
    assert half.stat().st_size < path.stat().st_size
    check_same(path, half)
    runners = [Model(p, provider="cpu").runner() for p in (path, half)]
    for runner in runners:
        runner.inputs["image"][...] = np.random.default_rng(2).standard_normal((1, 3, 32, 32), np.float32)
        runner.run()
    whole, halved = (runner.outputs["device"] for runner in runners)
    assert 0.0 < np.abs(whole - halved).max() < 1e-2
