import numpy as np
import pytest

from heartwire.engine.xray.conditioning import Conditioned
from heartwire.engine.xray.history import TIME_CONSTANT_S, History
from heartwire.engine.xray.patches import STEP, ZERO
from heartwire.models.xray.history import AGES, Mover, average_weights, draw_history


@pytest.mark.parametrize("frames", [1, 2, 7, 60])
def test_the_average_weighs_frames_as_the_engine_does(frames: int) -> None:
    values = np.random.default_rng(0).normal(size=frames).astype(np.float32)
    engine, patches = History(), np.empty((2, 2, 48), np.uint8)
    mean, scale = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    for i, value in enumerate(values):
        engine.fill(Conditioned(np.full((1, 1), value, np.float32), mean, scale), i / 15, patches)
    average = (float(patches[0, 0, 32 + 10]) - ZERO) * STEP
    share_of_new = 1.0 - np.exp(-1.0 / (15 * TIME_CONSTANT_S))
    assert average_weights(frames, share_of_new) @ values[::-1] == pytest.approx(average, abs=STEP / 2)


def test_weights_add_up_and_steps_stay_bounded() -> None:
    for i in range(60):
        history = draw_history(np.random.default_rng(i), moving=True)
        assert history.weights.sum() == pytest.approx(1.0, abs=1e-5)
        assert 0.0 < history.noise <= 1.0
        assert np.abs(history.device[0]).max() <= 15.0


def test_arteries_move_with_devices_or_by_themselves() -> None:
    drawn = [draw_history(np.random.default_rng(i), moving=True) for i in range(40)]
    together = [np.array_equal(h.artery_modes, h.modes) for h in drawn]
    assert 10 < sum(together) < 30
    for history, follows in zip(drawn, together, strict=True):
        assert np.abs(history.arteries[0]).max() <= 15.0
        if follows:
            assert (np.sign(history.arteries) == np.sign(history.device)).all()


def test_what_did_not_move_stays_where_it_is() -> None:
    history = draw_history(np.random.default_rng(3), moving=False)
    layer = np.random.default_rng(0).random((64, 64), np.float32)
    mover = Mover(history, 64)
    for older in range(len(AGES)):
        np.testing.assert_allclose(mover.devices(layer, older), layer, atol=1e-5)
        np.testing.assert_allclose(mover.arteries(layer, older), layer, atol=1e-5)
        np.testing.assert_allclose(mover.anatomy(layer, older), layer, atol=1e-5)
