"""A quantised network rearranged gives the same to the last bit, and with patches for its image nearly the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from heartwire.engine.xray.patches import ZERO, put, shape_of
from heartwire.models.xray import quantise as quantising
from heartwire.models.xray import rearrangement
from heartwire.models.xray.quantise import quantise_devices

torch = pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_answer_stays_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from heartwire.models.export import export
    from heartwire.models.xray.network import DeviceNet, Exported

    torch.manual_seed(1)
    inputs = {"image": torch.zeros(2, 3, 64, 64)}
    export(Exported(DeviceNet((8, 8, 8, 8))).eval(), tmp_path / "plain.onnx", inputs, ["cells"])
    images = np.random.default_rng(1).normal(0.0, 1.0, (4, 3, 64, 64)).astype(np.float32)
    quantise_devices(tmp_path / "plain.onnx", tmp_path / "rearranged.onnx", images)
    for name in ("_double", "_pair"):
        monkeypatch.setattr(rearrangement, name, lambda *_: None)
    quantise_devices(tmp_path / "plain.onnx", tmp_path / "patched.onnx", images)
    monkeypatch.setattr(quantising, "rearrange", lambda model: model)
    quantise_devices(tmp_path / "plain.onnx", tmp_path / "as_quantised.onnx", images)
    kinds = {node.op_type for node in onnx.load(tmp_path / "rearranged.onnx").graph.node}
    assert not {"Resize", "Relu"} & kinds
    patches = np.full((4, *shape_of(64)), ZERO, np.uint8)
    for planes, own in zip(images, patches, strict=True):
        put(planes, own)
    rearranged, patched, as_quantised = (
        ort.InferenceSession(str(tmp_path / f"{name}.onnx")).run(None, given)
        for name, given in (
            ("rearranged", {"patches": patches}),
            ("patched", {"patches": patches}),
            ("as_quantised", {"image": images}),
        )
    )
    assert all(np.array_equal(mine, theirs) for mine, theirs in zip(rearranged, patched, strict=True))
    for mine, theirs in zip(rearranged, as_quantised, strict=True):
        assert np.abs(mine - theirs).mean() < 0.1 * theirs.std() + 0.5
