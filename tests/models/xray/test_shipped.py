from pathlib import Path

import numpy as np
import pytest

from heartwire.engine.errors import InputError
from heartwire.engine.xray.patches import put, shape_of
from heartwire.models.catalogue import WEIGHTS

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

_SIZE_PX = 512


def _images() -> "torch.Tensor":
    torch.manual_seed(0)
    return torch.nn.functional.avg_pool2d(torch.randn(4, 3, _SIZE_PX, _SIZE_PX), 3, 1, 1).clamp(-5.0, 5.0) * 3.0


def test_a_device_network_read_back_gives_what_ships() -> None:
    import onnxruntime as ort

    from heartwire.models.xray.network import DeviceNet, Exported
    from heartwire.models.xray.shipped import read_shipped

    path, network, images = WEIGHTS / "gpu" / "xray-devices.onnx", DeviceNet(), _images()
    kept = read_shipped(network, path, lambda shown: shown(images))
    assert kept.steps > 0
    assert all(leg.count(" minutes on ") == 1 for leg in kept.legs)
    patches = np.zeros((1, *shape_of(_SIZE_PX)), np.uint8)
    put(images[0].numpy(), patches[0])
    (expected,) = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"patches": patches})
    again = DeviceNet()
    again.load_state_dict(kept.weights)
    with torch.no_grad():
        given = Exported(again).eval()((images[:1] * 25.0).round() / 25.0).round().clamp(0, 255).numpy()
    apart = np.abs(given - expected.astype(np.float32))
    assert apart.mean() < 0.05
    assert apart.max() <= 3.0  # half precision


def test_a_network_read_back_learns_on_from_what_it_gives() -> None:
    from heartwire.models.xray.network import DeviceNet
    from heartwire.models.xray.shipped import read_shipped

    network, images = DeviceNet(), _images()
    read_shipped(network, WEIGHTS / "gpu" / "xray-devices.onnx", lambda shown: shown(images))
    with torch.no_grad():
        at_rest, learning = network.eval()(images)[0], network.train()(images)[0]
    torch.testing.assert_close(learning, at_rest, atol=0.02, rtol=0.02)


def test_a_tip_network_read_back_gives_what_ships() -> None:
    import onnxruntime as ort

    from heartwire.models.xray.shipped import read_shipped
    from heartwire.models.xray.tip_network import ExportedTips, TipNet

    path, network = WEIGHTS / "gpu" / "xray-tips.onnx", TipNet()
    torch.manual_seed(0)
    crops = torch.randn(8, 1, 48, 48)
    read_shipped(network, path, lambda shown: shown(crops))
    expected = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"crop": crops.numpy()})
    with torch.no_grad():
        given = ExportedTips(network).eval()(crops)
    for found, wanted in zip(given, expected, strict=True):
        np.testing.assert_allclose(found.numpy(), wanted, atol=0.01, rtol=0.01)


def test_shipped_weights_that_are_absent_or_another_network_s_are_refused(tmp_path: Path) -> None:
    from heartwire.models.xray.network import DeviceNet
    from heartwire.models.xray.shipped import read_shipped

    with pytest.raises(InputError, match="begin-from"):
        read_shipped(DeviceNet(), tmp_path / "gpu" / "xray-devices.onnx", lambda _: None)
    with pytest.raises(InputError, match="another network"):
        read_shipped(DeviceNet((24, 48, 96, 160)), WEIGHTS / "gpu" / "xray-devices.onnx", lambda _: None)
    with pytest.raises(InputError, match="another network"):
        read_shipped(DeviceNet(), WEIGHTS / "gpu" / "xray-tips.onnx", lambda _: None)
