"""A network between bytes gives what it gave of images, rounded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from heartwire.engine.xray.patches import STEP, ZERO, put, shape_of
from heartwire.models.xray.stem import between_bytes, of_patches, of_pixels

torch = pytest.importorskip("torch")


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_patches_stand_for_the_image_and_cells_for_the_answer(tmp_path: Path) -> None:
    from heartwire.models.export import export
    from heartwire.models.xray.network import DeviceNet, Exported

    torch.manual_seed(1)
    path, inputs = tmp_path / "plain.onnx", {"image": torch.zeros(2, 3, 64, 64)}
    export(Exported(DeviceNet((8, 8, 8, 8))).eval(), path, inputs, ["cells"])
    steps = np.random.default_rng(1).integers(-125, 126, (2, 3, 64, 64))
    images = (steps * STEP).astype(np.float32)
    patches = np.full((2, *shape_of(64)), ZERO, np.uint8)
    for planes, own in zip(images, patches, strict=True):
        put(planes, own)
    (expected,) = ort.InferenceSession(str(path)).run(None, {"image": images})
    onnx.save(between_bytes(onnx.load(path)), path)
    (found,) = ort.InferenceSession(str(path)).run(None, {"patches": patches})
    assert found.dtype == np.uint8
    assert found.shape == (2, 16, 16, 16)
    np.testing.assert_allclose(found, np.clip(expected, 0.0, 255.0), atol=0.5 + 1e-3)


def test_weights_over_patches_go_back_to_pixels() -> None:
    weight = np.random.default_rng(1).standard_normal((5, 3, 8, 8), np.float32)
    np.testing.assert_array_equal(of_pixels(of_patches(weight)), weight)
