"""What holds for training and export of the beat network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from heartwire.engine.ecg.beats import HOP, BeatDetector  # noqa: E402
from heartwire.engine.ecg.frames import FRAME  # noqa: E402
from heartwire.engine.inference import Model  # noqa: E402
from heartwire.models.ecg.beat_crops import CropMaker  # noqa: E402
from heartwire.models.ecg.beat_network import CLASS_LOOKAHEAD_FRAMES, QRS_LOOKAHEAD_FRAMES, BeatNetwork  # noqa: E402
from heartwire.models.ecg.recordings import DS1, DS2, HOLD_OUT, PACED, Recording  # noqa: E402
from heartwire.models.ecg.train_beats import train, write  # noqa: E402

pytestmark = [
    pytest.mark.train,
    # The exporter's own use of what torch is about to retire.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def _recording(name: str = "drawn", seconds: int = 60) -> Recording:
    random = np.random.default_rng(5)
    beats = np.arange(200.0, seconds * 250 - 200, 190.0)
    t = np.arange(seconds * 250)[:, None]
    signal = np.exp(-0.5 * ((t - beats[None]) / 3.0) ** 2).sum(axis=1)[:, None] * (1.0, 0.5)
    signal = (signal + random.normal(0, 0.01, signal.shape)).astype(np.float32)
    return Recording(name, signal, beats, np.arange(len(beats)) % 3, [], [(0.0, "N")], 1.0)


def _noise() -> list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    random = np.random.default_rng(6)
    return [random.normal(0, 0.1, (20_000, 2)).astype(np.float32) for _ in range(3)]


def _busy_network() -> BeatNetwork:
    torch.manual_seed(0)
    network = BeatNetwork()
    with torch.no_grad():
        for block in network.blocks:
            block.mix.weight.normal_(0, 0.1)
    return network.eval()


def test_no_record_serves_both_training_and_test() -> None:
    assert len(set(DS1) | set(DS2) | set(PACED)) == 48
    assert not set(DS1) & set(DS2)
    assert set(HOLD_OUT) < set(DS1)


def test_onnx_hop_by_hop_equals_torch_over_the_whole_record(tmp_path: Path) -> None:
    network, recording = _busy_network(), _recording()
    path = write(network, [recording], _noise(), tmp_path, seed=0, steps=0, command="test")
    runner = Model(path, provider="cpu").runner(shapes={"signal": (1, 2, 1, HOP)})
    n_hops = len(recording.signal) // HOP
    qrs, classes = [], []
    for hop in np.split(recording.signal[: n_hops * HOP], n_hops):
        runner.inputs["signal"][0, :, 0] = hop.T
        runner.run()
        qrs.append(runner.outputs["qrs"][0, 0, 0].copy())
        classes.append(runner.outputs["beat_class"][0, :, 0].copy())
    with torch.no_grad():
        whole = torch.from_numpy(recording.signal[: n_hops * HOP].T[None, :, None].copy())
        of_qrs, of_class, *_ = network(whole, *network.states(1))
    np.testing.assert_allclose(np.concatenate(qrs), of_qrs[0, 0, 0].numpy(), atol=2e-5)
    np.testing.assert_allclose(np.concatenate(classes, axis=1), of_class[0, :, 0].numpy(), atol=2e-5)


def test_crops_ask_for_a_beat_and_its_class_after_their_look_ahead() -> None:
    maker = CropMaker([_recording()], _noise(), n_samples=1500, seed=1)
    crops = maker.batch(32)
    assert crops.signal.shape == (32, 2, 1500)
    assert crops.qrs.shape == crops.qrs_weight.shape == crops.label.shape == (32, 1500 // FRAME)
    assert np.isfinite(crops.signal).all()
    behind = CLASS_LOOKAHEAD_FRAMES - QRS_LOOKAHEAD_FRAMES
    rows, frames = np.nonzero(
        (crops.label[:, behind:] >= 0) & (crops.label[:, behind:] == np.roll(crops.label, -1, 1)[:, behind:])
    )
    assert len(rows)
    near = np.max([crops.qrs[rows, np.clip(frames + k, 0, 374)] for k in (-1, 0, 1, 2)], axis=0)
    assert near.min() > 0.7


def test_training_small_gives_a_model_that_the_engine_takes(tmp_path: Path, data_dir: Path) -> None:
    path = train(data_dir, tmp_path, seed=1, small=True)
    model = Model(path, provider="cpu")
    assert "--small" in model.card.command
    detector = BeatDetector(model)
    for hop in np.split(_recording().signal[: 20 * HOP], 20):
        detector.process(hop)
