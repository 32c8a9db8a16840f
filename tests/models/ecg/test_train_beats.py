"""What holds for training and export of the QRS and the beat network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from heartwire.engine.ecg.beat_class import BEAT_LOOKS_BACK, BeatClassifier  # noqa: E402
from heartwire.engine.ecg.beat_context import CHANNELS, FEATURES, ROWS, WIDTH  # noqa: E402
from heartwire.engine.ecg.qrs import QRS_LOOKS_BACK, QrsDetector  # noqa: E402
from heartwire.engine.ecg.tail import Tail  # noqa: E402
from heartwire.engine.inference import Model  # noqa: E402
from heartwire.models.ecg import train_beats, train_qrs  # noqa: E402
from heartwire.models.ecg.beat_network import BeatEnsemble, BeatMember  # noqa: E402
from heartwire.models.ecg.qrs_crops import SLOT_S, CropMaker  # noqa: E402
from heartwire.models.ecg.qrs_network import FRAME, LOOKAHEADS_S, SLOTS, QrsNetwork  # noqa: E402
from heartwire.models.ecg.recordings import DS1, DS2, PACED, Noise, Recording  # noqa: E402

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
    return Recording(name, signal, np.zeros_like(signal), beats, np.arange(len(beats)) % 3, [], [(0.0, "N")], 1.0)


def _noise() -> list[Noise]:
    random = np.random.default_rng(6)
    drawn = random.normal(0, 0.1, (3, 20_000, 2)).astype(np.float32)
    return [Noise(signal, abs(signal)) for signal in drawn]


def _busy_network() -> QrsNetwork:
    torch.manual_seed(0)
    network = QrsNetwork()
    with torch.no_grad():
        for block in network.blocks:
            block.mix.weight.normal_(0, 0.1)
    return network.eval()


def test_no_record_serves_both_training_and_test() -> None:
    assert len(set(DS1) | set(DS2) | set(PACED)) == 48
    assert not set(DS1) & set(DS2)
    assert set(train_qrs.HOLD_OUT) | set(train_qrs.NSTDB_PATIENTS) < set(DS1)
    assert not set(train_qrs.HOLD_OUT) & set(train_qrs.NSTDB_PATIENTS)
    assert sorted(name for fold in train_beats.FOLDS for name in fold) == sorted(DS1)


def test_the_qrs_network_piece_by_piece_equals_torch_over_the_whole_record(tmp_path: Path) -> None:
    network, recording = _busy_network(), _recording()
    path = train_qrs.write(network, [recording], _noise(), tmp_path, seed=0, steps=0, command="test")
    model = Model(path, provider="cpu")
    signal = recording.signal[: len(recording.signal) // FRAME * FRAME]
    found, state = [], model.runner().snapshot()
    for piece in np.split(signal, [FRAME, 4 * FRAME, 5 * FRAME, 40 * FRAME]):
        runner = model.runner(frames=len(piece) // FRAME)
        runner.restore(state)
        runner.inputs["signal"][...] = piece.T[None, :, None]
        runner.run()
        found.append({name: output.copy() for name, output in runner.outputs.items()})
        state = runner.snapshot()
    with torch.no_grad():
        qrs, quality, *_ = network(torch.from_numpy(signal.T[None, :, None].copy()), *network.states(1))
    np.testing.assert_allclose(np.concatenate([f["qrs"] for f in found], axis=3), qrs.numpy(), atol=2e-5)
    np.testing.assert_allclose(np.concatenate([f["quality"] for f in found], axis=3), quality.numpy(), atol=2e-5)


def test_crops_ask_for_a_beat_after_each_look_ahead() -> None:
    crops = CropMaker([_recording()], _noise(), n_samples=1600, seed=1).batch(16)
    n_slots = 1600 // FRAME * SLOTS
    assert crops.signal.shape == (16, 2, 1600)
    assert crops.qrs.shape == crops.qrs_weight.shape == (16, len(LOOKAHEADS_S), n_slots)
    assert crops.quality.shape == (16, 2, 1600 // FRAME)
    assert np.isfinite(crops.signal).all()
    assert ((crops.quality >= 0) & (crops.quality <= 1)).all()
    first = round(LOOKAHEADS_S[0] / SLOT_S)
    for row, lookahead_s in enumerate(LOOKAHEADS_S[1:], start=1):
        later = round(lookahead_s / SLOT_S) - first
        np.testing.assert_array_equal(crops.qrs[:, row, later:], crops.qrs[:, 0, :-later])


def test_the_beat_network_beat_by_beat_equals_the_whole_sequence(tmp_path: Path) -> None:
    torch.manual_seed(1)
    members = [BeatMember().eval() for _ in range(2)]
    weights = {f"{when}_weight_{name}": 1.0 for when in ("immediate", "revised") for name in "NSVFQ"}
    path = train_beats.write(members, weights, {}, tmp_path, seed=0, command="test")
    model = Model(path, provider="cpu")
    runner = model.runner()
    wave, features = torch.randn(1, 12, CHANNELS, WIDTH), torch.randn(1, 12, FEATURES)
    with torch.no_grad():
        told = [member.sequence(wave, features) for member in members]
        immediate, revised = (torch.stack([t[k][0] for t in told]).mean(0).numpy() for k in (0, 1))
    for i in range(12):
        runner.inputs["wave"][0, :, 0] = wave[0, i].numpy()
        runner.inputs["features"][0] = features[0, i].numpy()
        runner.run()
        np.testing.assert_allclose(runner.outputs["immediate"][0], immediate[i], atol=1e-5)
        if i:
            np.testing.assert_allclose(runner.outputs["revised"][0], revised[i - 1], atol=1e-5)
    assert BeatEnsemble(members).state_width == model.card.inputs["state_0"][1]


def test_weights_of_classes_are_chosen_to_tell_them_best() -> None:
    truth = np.array([0] * 50 + [1] * 10 + [2] * 10)
    p = np.full((70, 5), 0.05, np.float32)
    p[np.arange(70), truth] = 0.4
    p[50:60, 0], p[50:60, 1] = 0.3, 0.28  # S is told too seldom
    settings, figures = train_beats.choose_weights([train_beats.Told(truth, p, p)])
    assert settings["immediate_weight_S"] > 1.0
    assert figures["ds1_folds_immediate_S_f1"] == figures["ds1_folds_revised_V_f1"] == 1.0


def test_training_small_gives_models_that_the_engine_takes(tmp_path: Path, data_dir: Path) -> None:
    path = train_beats.train(data_dir, tmp_path, seed=1, small=True)
    model = Model(path, provider="cpu")
    assert "--small" in model.card.command
    signal = _recording().signal[:2000]
    QrsDetector(Model(tmp_path / "ecg-qrs.onnx", provider="cpu"), Tail(QRS_LOOKS_BACK, 2)).process(signal)
    classifier = BeatClassifier(model, Tail(BEAT_LOOKS_BACK, ROWS))
    classifier.push(signal, np.zeros_like(signal))
    verdict, before = classifier.classify(1900.0)
    assert verdict.label in "NSVFQ"
    assert before is None
