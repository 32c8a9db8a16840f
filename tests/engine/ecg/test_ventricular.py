"""What holds for the windows of the VT/VF network."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.tail import Tail
from heartwire.engine.ecg.ventricular import JUDGED_S, LABELS, STEP, WINDOW, VentricularDetector
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("ecg-vf", provider="cpu")


def _leads(seconds: float) -> npt.NDArray[np.float32]:
    return np.random.default_rng(0).normal(0, 0.3, (int(seconds * 250), 2)).astype(np.float32)


def test_a_window_is_judged_every_step_once_there_is_one(model: Model) -> None:
    windows = VentricularDetector(model, 2, Tail(WINDOW, 2)).process(_leads(20.0))
    assert [w.end for w in windows] == list(range(-(-WINDOW // STEP) * STEP, 5001, STEP))
    assert all(w.end - w.begin == JUDGED_S * 250 and w.whole == [True, True] for w in windows)
    assert all(0.0 <= p <= 1.0 for w in windows for p in w.p_vt + w.p_vf + w.p_noise)


def test_each_lead_is_judged_as_if_it_were_alone(model: Model) -> None:
    leads = _leads(12.0)
    both = VentricularDetector(model, 2, Tail(WINDOW, 2)).process(leads)
    for channel in range(2):
        alone = VentricularDetector(model, 1, Tail(WINDOW, 1)).process(leads[:, channel : channel + 1])
        assert [w.p_vf[channel] for w in both] == [w.p_vf[0] for w in alone]


def test_a_lead_that_begins_anew_is_not_judged_until_there_is_a_window_of_it(model: Model) -> None:
    detector = VentricularDetector(model, 2, Tail(WINDOW, 2))
    leads = _leads(20.0)
    detector.process(leads[:2000])
    detector.restart(1)
    windows = detector.process(leads[2000:])
    assert all(w.whole[0] for w in windows)
    assert [w.whole[1] for w in windows] == [w.end >= 2000 + WINDOW for w in windows]


def test_coarse_fibrillation_is_seen_and_a_still_line_is_not(model: Model) -> None:
    t = np.arange(12 * 250) / 250.0
    random = np.random.default_rng(3)
    phase = np.cumsum(
        2 * np.pi * (4.8 + 0.8 * np.convolve(random.normal(0, 1, len(t)), np.ones(125) / 11, "same")) / 250
    )
    swing = 0.6 + 0.25 * np.sin(2 * np.pi * 0.4 * t)
    last = VentricularDetector(model, 1, Tail(WINDOW, 1)).process((swing * np.sin(phase)).astype(np.float32)[:, None])[
        -1
    ]
    assert last.p_vt[0] + last.p_vf[0] > 0.5
    still = VentricularDetector(model, 1, Tail(WINDOW, 1)).process(np.zeros((3000, 1), np.float32))[-1]
    assert still.p_vt[0] + still.p_vf[0] < 0.5


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 2500), max_size=15))
def test_cutting_the_samples_changes_no_window(cuts: list[int]) -> None:
    model = Model("ecg-vf", provider="cpu")
    leads = _leads(10.0)
    detector = VentricularDetector(model, 2, Tail(WINDOW, 2))
    parts = [window for piece in np.split(leads, sorted(cuts)) for window in detector.process(piece)]
    assert parts == VentricularDetector(model, 2, Tail(WINDOW, 2)).process(leads)


@pytest.mark.parametrize("cut", [0, 500, 1111, 2400])
def test_restoring_a_snapshot_equals_never_stopping(model: Model, cut: int) -> None:
    leads = _leads(10.0)
    kept, copy = Tail(WINDOW, 2), Tail(WINDOW, 2)
    first, second = VentricularDetector(model, 2, kept), VentricularDetector(model, 2, copy)
    before = first.process(leads[:cut])
    first.restart(0)
    copy.restore(kept.snapshot())
    second.restore(first.snapshot())
    assert second.process(leads[cut:]) == first.process(leads[cut:])
    first.reset()
    kept.reset()
    again = first.process(leads)
    assert again == VentricularDetector(model, 2, Tail(WINDOW, 2)).process(leads)
    assert again[: len(before)] == before


def test_a_model_with_other_labels_is_refused() -> None:
    model = Model("ecg-vf", provider="cpu")
    model.card = msgspec.structs.replace(model.card, labels=["other", "VF"])
    with pytest.raises(ModelError, match="tells apart"):
        VentricularDetector(model, 2, Tail(WINDOW, 2))
    assert LABELS[1:3] == ("VT", "VF")
