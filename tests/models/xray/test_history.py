import numpy as np
import pytest

from heartwire.models.xray.history import AGES, Mover, average_weights, draw_history


@pytest.mark.parametrize("frames", [1, 2, 7, 60])
def test_an_exponential_average_weighs_as_its_recursion_does(frames: int) -> None:
    values = np.random.default_rng(0).normal(size=frames)
    mean = values[0]
    for value in values[1:]:
        mean += 0.2 * (value - mean)
    assert average_weights(frames, 0.2) @ values[::-1] == pytest.approx(mean, abs=1e-6)


def test_weights_add_up_and_steps_stay_bounded() -> None:
    for i in range(60):
        history = draw_history(np.random.default_rng(i), moving=True)
        assert history.weights.sum() == pytest.approx(1.0, abs=1e-5)
        assert 0.0 < history.noise <= 1.0
        assert np.abs(history.device[0]).max() <= 15.0


def test_what_did_not_move_stays_where_it_is() -> None:
    history = draw_history(np.random.default_rng(3), moving=False)
    layer = np.random.default_rng(0).random((64, 64), np.float32)
    mover = Mover(history, 64)
    for older in range(len(AGES)):
        np.testing.assert_allclose(mover.devices(layer, older), layer, atol=1e-5)
        np.testing.assert_allclose(mover.anatomy(layer, older), layer, atol=1e-5)
