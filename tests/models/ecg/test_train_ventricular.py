"""What holds for training and export of the VT/VF network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from heartwire.engine.ecg import ventricular  # noqa: E402
from heartwire.engine.ecg.tail import Tail  # noqa: E402
from heartwire.engine.ecg.ventricular import STEP, THINNED, WINDOW, VentricularDetector  # noqa: E402
from heartwire.engine.inference import Model  # noqa: E402
from heartwire.models.catalogue import read_card  # noqa: E402
from heartwire.models.ecg.recordings import Noise, Recording  # noqa: E402
from heartwire.models.ecg.rhythm_windows import FOLDS, VF, VFDB, VT, WindowMaker, label_samples, windows_of  # noqa: E402
from heartwire.models.ecg.train_ventricular import train, write  # noqa: E402
from heartwire.models.ecg.ventricular_network import LABELS, N_SAMPLES, VentricularNetwork  # noqa: E402

pytestmark = [
    pytest.mark.train,
    # The exporter's own use of what torch is about to retire.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def _recording() -> Recording:
    signal = np.random.default_rng(0).normal(0, 0.3, (30_000, 2)).astype(np.float32)
    rhythms = [(100.0, "N"), (8000.0, "VT"), (15_000.0, "VFIB"), (22_000.0, "NOISE")]
    return Recording("drawn", signal, np.zeros_like(signal), np.empty(0), np.empty(0, np.int64), [], rhythms, 1.0)


def test_every_record_is_tested_by_exactly_one_fold() -> None:
    assert len(VFDB) == len(set(VFDB)) == sum(len(fold) for fold in FOLDS) == 22


def test_network_and_engine_agree_on_window_and_labels() -> None:
    assert N_SAMPLES == WINDOW // THINNED
    assert LABELS == ventricular.LABELS


def test_windows_carry_the_rhythm_of_their_end() -> None:
    labels = label_samples(_recording())
    assert [labels[i] for i in (50, 150, 9000, 16_000)] == [-1, 0, VT, VF]
    signal, drawn = WindowMaker([_recording()], [Noise(*np.zeros((2, 5000, 2), np.float32))], seed=0).batch(64)
    assert signal.shape == (64, 1, 1, N_SAMPLES)
    assert set(np.unique(drawn)) == {0, 1, 2, 3}


def test_onnx_in_the_engine_equals_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = VentricularNetwork().eval()
    path = write(network, tmp_path / "ecg-vf.onnx", name="ecg-vf", split="", seed=0, command="test", metrics={})
    lead = _recording().signal[:5000, 0]
    found = VentricularDetector(Model(path, provider="cpu"), 1, Tail(WINDOW, 1)).process(lead[:, None])
    ends, windows = windows_of(lead)
    with torch.no_grad():
        expected = network(torch.from_numpy(windows)).numpy()
    assert [w.end for w in found] == list(ends)
    assert ends[1] - ends[0] == STEP
    np.testing.assert_allclose([(w.p_vt[0], w.p_vf[0], w.p_noise[0]) for w in found], expected[:, 1:], atol=1e-5)


def test_training_small_gives_models_that_the_engine_takes(tmp_path: Path, data_dir: Path) -> None:
    path = train(data_dir, tmp_path, seed=1, small=True)
    assert VentricularDetector(Model(path, provider="cpu"), 2, Tail(WINDOW, 2)).process(np.zeros((2000, 2), np.float32))
    assert "418" in read_card(tmp_path / "folds" / "ecg-vf-0.onnx").split
