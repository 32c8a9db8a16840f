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


def test_the_exported_networks_equal_torch(tmp_path: Path) -> None:
    import onnxruntime as ort

    from heartwire.models.export import export
    from heartwire.models.xray.network import DeviceNet, Exported
    from heartwire.models.xray.tip_network import ExportedTips, TipNet

    torch.manual_seed(0)
    for network, name, shape, outputs in (
        (Exported(DeviceNet()), "image", (3, 128, 128), ["cells"]),
        (ExportedTips(TipNet()), "crop", (1, 48, 48), ["shift", "scale", "seen"]),
    ):
        path = tmp_path / f"{name}.onnx"
        export(network.eval(), path, {name: torch.zeros(2, *shape)}, outputs)
        image = torch.randn(1, *shape)
        with torch.no_grad():
            given = network(image)
        expected = [out.numpy() for out in (given if isinstance(given, tuple) else (given,))]
        session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        for found, wanted in zip(session.run(None, {name: image.numpy()}), expected, strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-3)


def test_a_small_training_gives_models_that_their_cards_vouch_for(tmp_path: Path) -> None:
    from heartwire.engine.inference import Model
    from heartwire.engine.messages import XrayFrame
    from heartwire.engine.xray.localiser import Localiser
    from heartwire.models.xray.train_devices import train

    path = train(tmp_path / "no-recordings", tmp_path / "weights", seed=3, small=True)
    localiser = Localiser(Model(path), Model(path.with_name("xray-tips.onnx")))
    card = localiser.model.card
    assert card.metrics["steps"] > 0
    assert {"confidence_tipped_bias", "confidence_line_bias", "confidence_lone_bias"} <= set(card.settings)
    assert {model.name for model in (path.parent / "gpu").glob("*.onnx")} == {"xray-devices.onnx", "xray-tips.onnx"}
    pixels = np.random.default_rng(0).integers(0, 255, (200, 300), np.uint8)
    localiser.locate(XrayFrame(stream="lab/xray", frame=0, pixels=pixels))


def test_an_interrupted_training_goes_on_from_what_it_kept(tmp_path: Path) -> None:
    from heartwire.models.xray.backgrounds import Backgrounds
    from heartwire.models.xray.fitting import fit, read_kept
    from heartwire.models.xray.pool import Pool, fill
    from heartwire.models.xray.scenes import Scenes
    from heartwire.models.xray.tip_crops import tip_loss
    from heartwire.models.xray.tip_network import TipNet

    pool, kept = Pool(4, 256), tmp_path / "tips.pt"
    fill(pool, [(Scenes(Backgrounds(tmp_path)), 1.0)], 1)
    fit(TipNet(), tip_loss, pool, seed=1, minutes=0.005, batch=2, kept=kept)
    first = read_kept(kept)
    assert first.steps > 0
    fit(TipNet(), tip_loss, pool, seed=1, minutes=1e-9, batch=2, kept=kept)
    second = read_kept(kept)
    assert second.steps == first.steps
    assert len(second.legs) == 2
    torch.testing.assert_close(second.weights, first.weights)


def test_a_training_begins_from_what_ships(tmp_path: Path) -> None:
    from heartwire.models.catalogue import WEIGHTS, read_card
    from heartwire.models.xray.train_devices import train

    shipped = read_card(WEIGHTS / "gpu" / "xray-devices.onnx")
    path = train(tmp_path / "no-recordings", tmp_path / "weights", seed=3, small=True, begin_from=WEIGHTS)
    card = read_card(path)
    assert card.metrics["steps"] > shipped.metrics["steps"]
    assert shipped.command.rpartition(": ")[2] in card.command


def test_nothing_ships_where_nothing_was_kept(tmp_path: Path) -> None:
    from heartwire.engine.errors import InputError
    from heartwire.models.xray.train_devices import train

    with pytest.raises(InputError, match=r"devices\.pt"):
        train(tmp_path, tmp_path / "weights", minutes=0.0)


def test_crops_are_cut_where_the_tip_is() -> None:
    from heartwire.models.xray.tip_crops import cut
    from heartwire.models.xray.tip_network import CROP_PX
    from heartwire.models.xray.truth import truth_planes

    torch.manual_seed(0)
    random = np.random.default_rng(0)
    images, truths = [], []
    for _ in range(8):
        x, y = random.uniform(60.0, 190.0, 2)
        ys, xs = np.mgrid[:256, :256]
        images.append(np.repeat(np.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 4.5).astype(np.float32)[None], 3, 0))
        nothing = np.zeros((256, 256), np.uint8)
        truths.append(truth_planes((nothing, nothing.copy()), [(0, x, y)], [], nothing.copy()))
    crops, shifts, seen, _ = cut(torch.from_numpy(np.stack(images)), torch.from_numpy(np.stack(truths)))
    assert seen.sum() >= 2
    at = torch.arange(CROP_PX, dtype=torch.float32) - (CROP_PX - 1) / 2
    for crop, shift in zip(crops[seen > 0.5, 0], shifts[seen > 0.5], strict=True):
        weight = crop.clamp(min=0.0) ** 2
        x, y = (weight.sum(0) * at).sum() / weight.sum(), (weight.sum(1) * at).sum() / weight.sum()
        torch.testing.assert_close(torch.stack([x, y]), shift, atol=0.1, rtol=0.0)


def test_mirrored_and_transposed_samples_keep_their_truth() -> None:
    from heartwire.models.xray.alteration import turned

    truth = torch.zeros(1, 8, 8, 8)
    truth[0, 2, 2, 5] = 1.0
    truth[0, 4, 2, 5], truth[0, 5, 2, 5] = 0.25, -0.5
    image = torch.zeros(1, 3, 16, 16)
    image[:, :, 4, 10] = 1.0
    for seed in range(8):
        torch.manual_seed(seed)
        moved, told = turned(image, truth.clone())
        (row, column) = (int(v) for v in np.unravel_index(int(told[0, 2].argmax()), (8, 8)))
        place = np.unravel_index(int(moved[0, 0].argmax()), (16, 16))
        assert (place[0] // 2, place[1] // 2) == (row, column)
        assert {abs(float(told[0, 4, row, column])), abs(float(told[0, 5, row, column]))} == {0.25, 0.5}
