"""What holds for the decoding of frames into beats."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.ecg.frames import CLASSES, FRAME, REFRACTORY_FRAMES, BeatSettings, FrameDecoder
from heartwire.engine.errors import ModelError

SETTINGS = BeatSettings(0.5, 10, 20)


def _frames(peaks: dict[int, float], n: int = 120) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    qrs = np.zeros(n, np.float32)
    for frame, height in peaks.items():
        qrs[frame] = height
    classes = np.zeros((len(CLASSES), n), np.float32)
    classes[0] = 1.0
    return qrs, classes


def test_a_wide_complex_of_many_small_probabilities_is_one_beat() -> None:
    found = FrameDecoder(SETTINGS).decode(*_frames(dict.fromkeys(range(40, 47), 0.3)))
    assert len(found) == 1
    assert found[0, 0] == pytest.approx((43 - SETTINGS.qrs_lookahead_frames + 0.5) * FRAME - 0.5)


def test_of_two_peaks_within_the_refractory_period_the_larger_is_the_beat() -> None:
    found = FrameDecoder(SETTINGS).decode(*_frames({40: 0.6, 41: 0.6, 47: 0.9, 48: 0.9}))
    assert len(found) == 1
    assert found[0, 0] > (46 - SETTINGS.qrs_lookahead_frames) * FRAME


def test_no_two_beats_are_closer_than_the_refractory_period() -> None:
    found = FrameDecoder(SETTINGS).decode(*_frames(dict.fromkeys(range(30, 110), 0.5)))
    assert np.all(np.diff(found[:, 0]) >= (REFRACTORY_FRAMES - 1) * FRAME)


def test_the_class_is_read_when_its_look_ahead_has_passed() -> None:
    qrs, classes = _frames({40: 1.0, 41: 1.0, 39: 0.5})
    read = 40 + SETTINGS.class_lookahead_frames - SETTINGS.qrs_lookahead_frames
    classes[0, read] = 0.1
    classes[2, read] = 0.9
    assert CLASSES[int(FrameDecoder(SETTINGS).decode(qrs, classes)[0, 1])] == "V"


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 1000), cuts=st.lists(st.integers(0, 400), max_size=10))
def test_cutting_the_frames_changes_no_beat(seed: int, cuts: list[int]) -> None:
    random = np.random.default_rng(seed)
    qrs = (random.random(400) ** 6).astype(np.float32)
    classes = random.random((len(CLASSES), 400)).astype(np.float32)
    whole = FrameDecoder(SETTINGS).decode(qrs, classes)
    decoder = FrameDecoder(SETTINGS)
    edges = [0, *sorted(cuts), 400]
    parts = [decoder.decode(qrs[a:b], np.ascontiguousarray(classes[:, a:b])) for a, b in pairwise(edges)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert np.all(np.diff(whole[:, 0]) > 0)


def test_a_card_without_a_threshold_is_refused() -> None:
    with pytest.raises(ModelError, match="qrs_threshold"):
        BeatSettings.from_card({})
