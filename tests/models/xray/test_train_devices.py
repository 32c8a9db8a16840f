from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


def test_the_exported_network_equals_torch(tmp_path: Path) -> None:
    import onnxruntime as ort

    from heartwire.models.export import export
    from heartwire.models.xray.network import DeviceNet, Exported

    torch.manual_seed(0)
    network = Exported(DeviceNet()).eval()
    path = tmp_path / "devices.onnx"
    export(network, path, {"image": torch.zeros(2, 1, 128, 128)}, ["device", "tip", "tip_offset"])
    image = torch.randn(1, 1, 128, 128)
    with torch.no_grad():
        expected = [out.numpy() for out in network(image)]
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for found, wanted in zip(session.run(None, {"image": image.numpy()}), expected, strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-3)


def test_a_small_training_gives_a_model_that_its_card_vouches_for(tmp_path: Path) -> None:
    from heartwire.engine.inference import Model
    from heartwire.engine.messages import XrayFrame
    from heartwire.engine.xray.localiser import Localiser
    from heartwire.models.xray.train_devices import train

    path = train(tmp_path / "no-recordings", tmp_path / "weights", seed=3, small=True)
    localiser = Localiser(Model(path))
    assert localiser.model.card.metrics["drawn_dice"] >= 0.0
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300), np.uint8)
    localiser.locate(XrayFrame(stream="lab/xray", frame=0, pixels=pixels))


def test_test_seeds_of_the_simulator_are_refused() -> None:
    from heartwire.models.xray.simulated import SimulatedScenes

    with pytest.raises(ValueError, match="kept for tests"):
        SimulatedScenes([1_000_000])
