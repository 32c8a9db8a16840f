"""What holds for training and export of the fibrillation network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from heartwire.benchmarks.accuracy.af_run import probabilities  # noqa: E402
from heartwire.engine.ecg.last_beats import CHANNELS, FEATURES, N_BEATS, N_IRREGULAR, P_POINTS, irregular  # noqa: E402
from heartwire.engine.inference import Model  # noqa: E402
from heartwire.models.catalogue import read_card  # noqa: E402
from heartwire.models.ecg.fibrillation_network import FibrillationNetwork  # noqa: E402
from heartwire.models.ecg.told_beats import ToldBeats  # noqa: E402
from heartwire.models.ecg.train_fibrillation import train, windows, write  # noqa: E402

pytestmark = [
    pytest.mark.train,
    # The exporter's own use of what torch is about to retire.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def _told(*, waves: bool, fold: int) -> ToldBeats:
    random = np.random.default_rng(fold)
    inside = np.arange(200) >= 100
    rr_s = np.where(inside, random.uniform(0.4, 1.2, 200), 0.8)
    drawn = random.normal(0, 0.1, (200, CHANNELS, P_POINTS)).astype(np.float32) if waves else None
    return ToldBeats(f"drawn-{fold}", np.cumsum(rr_s), np.zeros(200, np.uint8), drawn, inside, fold)


def test_windows_hold_what_the_network_takes_and_come_again_with_the_same_seed() -> None:
    annotated, told = [_told(waves=False, fold=0)], [_told(waves=True, fold=1)]
    drawn = windows(annotated, told, 200, seed=3)
    assert drawn.features.shape == (200, FEATURES)
    assert np.isfinite(drawn.features).all()
    assert drawn.share.min() == 0.0
    assert drawn.share.max() == 1.0
    assert set(drawn.fold) == {0, 1}
    assert not drawn.features[drawn.fold == 0, N_IRREGULAR:].any()
    again = windows(annotated, told, 200, seed=3)
    for one, other in zip(drawn, again, strict=True):
        np.testing.assert_array_equal(one, other)


def test_onnx_in_the_engine_equals_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = FibrillationNetwork(torch.rand(FEATURES), torch.rand(FEATURES) + 0.5).eval()
    path = write(network, tmp_path / "x.onnx", name="x", split="", seed=0, command="test", metrics={})
    beats = _told(waves=False, fold=0)
    found = probabilities(beats, Model(path, provider="cpu"))
    rr_s = np.lib.stride_tricks.sliding_window_view(beats.rr_s, N_BEATS)
    features = np.zeros((len(rr_s), FEATURES), np.float32)
    features[:, :N_IRREGULAR] = irregular(rr_s, np.zeros(rr_s.shape, np.uint8))
    with torch.no_grad():
        expected = network(torch.from_numpy(features)).numpy()[:, 0]
    np.testing.assert_allclose(found[N_BEATS - 1 :], expected, atol=1e-5)


def test_training_small_gives_models_that_the_engine_takes(tmp_path: Path, data_dir: Path) -> None:
    path = train(data_dir, tmp_path, seed=1, small=True)
    assert probabilities(_told(waves=False, fold=0), Model(path, provider="cpu")).shape == (200,)
    assert "fold 0" in read_card(tmp_path / "folds" / "ecg-fibrillation-0.onnx").split
