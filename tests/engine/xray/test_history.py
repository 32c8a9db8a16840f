import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.xray.conditioning import Conditioned
from heartwire.engine.xray.history import History
from heartwire.engine.xray.patches import STEP, ZERO


def _frames(count: int) -> np.ndarray:
    return np.random.default_rng(count).standard_normal((count, 6, 5)).astype(np.float32)


def _conditioned(frame: np.ndarray) -> Conditioned:
    cells = (-(-frame.shape[0] // 4), frame.shape[1])
    return Conditioned(frame, np.zeros(cells, np.float32), np.ones(cells, np.float32))


def _fill(history: History, frames: np.ndarray, first: int = 0) -> np.ndarray:
    """Give the planes that the network reads, in steps of their bytes."""
    planes = np.empty((len(frames), 3, *frames.shape[1:]), np.float32)
    for i, frame in enumerate(frames):
        patches = np.zeros((3, 3, 48), np.uint8)
        history.fill(_conditioned(frame), (first + i) / 15, patches)
        pixels = patches.reshape(3, 3, 3, 4, 4).transpose(2, 0, 3, 1, 4).reshape(3, 12, 12)
        planes[i] = (pixels[:, 2 : 2 + frame.shape[0], 2 : 2 + frame.shape[1]].astype(np.float32) - ZERO) * STEP
    return planes


def test_on_the_first_frame_all_planes_are_the_same() -> None:
    frames = _frames(1)
    planes = _fill(History(), frames)
    for plane in planes[0]:
        np.testing.assert_allclose(plane, frames[0], atol=STEP / 2)


def test_the_second_plane_is_the_frame_before() -> None:
    frames = _frames(4)
    np.testing.assert_allclose(_fill(History(), frames)[3, 1], frames[2], atol=STEP / 2)


def test_the_average_forgets_with_its_time_constant() -> None:
    history = History()
    _fill(history, np.zeros((60, 6, 5), np.float32))
    planes = _fill(history, np.ones((11, 6, 5), np.float32), first=60)
    np.testing.assert_allclose(planes[-1, 2], 1.0 - np.exp(-11 / 15 / 0.7), atol=STEP / 2)


@given(split=st.integers(0, 12))
def test_a_restored_history_goes_on_as_if_nothing_had_happened(split: int) -> None:
    frames = _frames(12)
    whole = _fill(History(), frames)
    before, after = History(), History()
    _fill(before, frames[:split])
    after.restore(before.snapshot())
    np.testing.assert_array_equal(_fill(after, frames[split:], first=split), whole[split:])


def test_frames_of_another_shape_begin_anew() -> None:
    history = History()
    _fill(history, _frames(3))
    other = np.ones((1, 4, 4), np.float32)
    np.testing.assert_allclose(_fill(history, other, first=15)[0, 2], other[0], atol=STEP / 2)
