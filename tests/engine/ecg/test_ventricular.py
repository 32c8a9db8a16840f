"""What holds for the windows of the VT/VF network."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.ventricular import JUDGED_S, LABELS, STEP, WINDOW, VentricularDetector
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("ecg-vf", provider="cpu")


def _lead(seconds: float) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 0.3, int(seconds * 250)).astype(np.float32)


def test_a_window_is_judged_every_step_once_there_is_one(model: Model) -> None:
    windows = VentricularDetector(model).process(_lead(20.0))
    assert [w.end for w in windows] == list(range(-(-WINDOW // STEP) * STEP, 5001, STEP))
    assert all(w.end - w.begin == JUDGED_S * 250 for w in windows)
    assert all(0.0 <= p <= 1.0 for w in windows for p in (w.p_vt, w.p_vf, w.p_noise, w.p_vt + w.p_vf))


def test_coarse_fibrillation_is_seen_and_a_still_line_is_not(model: Model) -> None:
    t = np.arange(12 * 250) / 250.0
    random = np.random.default_rng(3)
    phase = np.cumsum(
        2 * np.pi * (4.8 + 0.8 * np.convolve(random.normal(0, 1, len(t)), np.ones(125) / 11, "same")) / 250
    )
    swing = 0.6 + 0.25 * np.sin(2 * np.pi * 0.4 * t)
    last = VentricularDetector(model).process((swing * np.sin(phase)).astype(np.float32))[-1]
    assert last.p_vt + last.p_vf > 0.5
    still = VentricularDetector(model).process(np.zeros(3000, np.float32))[-1]
    assert still.p_vt + still.p_vf < 0.5


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 2500), max_size=15))
def test_cutting_the_samples_changes_no_window(cuts: list[int]) -> None:
    model = Model("ecg-vf", provider="cpu")
    lead = _lead(10.0)
    detector = VentricularDetector(model)
    parts = [window for piece in np.split(lead, sorted(cuts)) for window in detector.process(piece)]
    assert parts == VentricularDetector(model).process(lead)


@pytest.mark.parametrize("cut", [0, 500, 1111, 2400])
def test_restoring_a_snapshot_equals_never_stopping(model: Model, cut: int) -> None:
    lead = _lead(10.0)
    first = VentricularDetector(model)
    before = first.process(lead[:cut])
    second = VentricularDetector(model)
    second.restore(first.snapshot())
    assert before + second.process(lead[cut:]) == VentricularDetector(model).process(lead)
    first.reset()
    assert first.process(lead) == VentricularDetector(model).process(lead)


def test_a_model_with_other_labels_is_refused() -> None:
    model = Model("ecg-vf", provider="cpu")
    model.card = msgspec.structs.replace(model.card, labels=["other", "VF"])
    with pytest.raises(ModelError, match="tells apart"):
        VentricularDetector(model)
    assert LABELS[1:3] == ("VT", "VF")
