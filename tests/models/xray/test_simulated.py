import numpy as np
import pytest

from heartwire.models.xray.simulated import SimulatedScenes


def test_samples_of_the_simulator_have_the_same_form_as_drawn_ones() -> None:
    scenes = SimulatedScenes(range(3), size=128)
    rng = np.random.default_rng(4)
    samples = [scenes.draw(rng) for _ in range(30)]
    for sample in samples:
        assert sample.image.shape == (3, 128, 128)
        assert sample.truth.shape == (8, 64, 64)
        assert np.isfinite(sample.image).all()
        assert sample.look.kinds
    assert any(sample.truth[2:4].max() > 0.9 for sample in samples)
    assert any(not np.array_equal(sample.image[0], sample.image[2]) for sample in samples)


def test_test_seeds_of_the_simulator_are_refused() -> None:
    with pytest.raises(ValueError, match="kept for tests"):
        SimulatedScenes([1_000_000])
