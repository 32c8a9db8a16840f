"""A quantised network rearranged gives the same to the last bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from heartwire.models.xray import quantise as quantising
from heartwire.models.xray.quantise import quantise

torch = pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_answer_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from heartwire.models.export import export
    from heartwire.models.xray.network import DeviceNet, Exported

    torch.manual_seed(1)
    inputs = {"image": torch.zeros(2, 3, 64, 64)}
    export(
        Exported(DeviceNet((8, 8, 8, 8))).eval(), tmp_path / "plain.onnx", inputs, ["device", "electrode", "tip", "o"]
    )
    images = np.random.default_rng(1).normal(0.0, 1.0, (4, 3, 64, 64)).astype(np.float32)
    quantise(tmp_path / "plain.onnx", tmp_path / "rearranged.onnx", images)
    monkeypatch.setattr(quantising, "rearrange", lambda model: model)
    quantise(tmp_path / "plain.onnx", tmp_path / "as_quantised.onnx", images)
    kinds = {node.op_type for node in onnx.load(tmp_path / "rearranged.onnx").graph.node}
    assert "Resize" not in kinds
    answers = [
        ort.InferenceSession(str(tmp_path / name)).run(None, {"image": images})
        for name in ("rearranged.onnx", "as_quantised.onnx")
    ]
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(*answers, strict=True))
    assert not np.array_equal(answers[0][0], np.zeros_like(answers[0][0]))
