from pathlib import Path

import numpy as np
import pytest

from heartwire.models.xray.devices import draw_devices
from heartwire.models.xray.scenes import Scenes, truth_planes


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    """Scenes without recordings: smooth fields alone."""
    return Scenes(tmp_path_factory.mktemp("empty"))


def test_the_same_generator_draws_the_same_sample(scenes: Scenes) -> None:
    first, again = (scenes.draw(np.random.default_rng(11)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.truth, again.truth)


def test_samples_are_finite_and_of_their_shape(scenes: Scenes) -> None:
    for i in range(30):
        sample = scenes.draw(np.random.default_rng(i))
        assert sample.image.shape == (1, 256, 256)
        assert sample.truth.shape == (7, 128, 128)
        assert np.isfinite(sample.image).all()
        others = np.delete(sample.truth, (4, 5), axis=0)
        assert others.min() >= 0.0
        assert others.max() <= 1.0
        assert (np.isnan(sample.truth[4]) == np.isnan(sample.truth[5])).all()


def test_tips_lie_on_bodies_of_their_class() -> None:
    seen = 0
    for i in range(40):
        canvas = draw_devices(np.random.default_rng(i), 256)
        for kind, x, y in canvas.tips:
            around = canvas.bodies[kind][max(0, int(y) - 4) : int(y) + 5, max(0, int(x) - 4) : int(x) + 5]
            assert around.any()
            seen += 1
    assert seen > 10


def test_truth_places_tips_between_cells() -> None:
    blank = np.zeros((64, 64), np.uint8)
    planes = truth_planes((blank, blank), [(1, 20.3, 31.8)], blank)
    row, column = np.unravel_index(planes[3].argmax(), planes[3].shape)
    x = column * 2 + 0.5 + planes[4, row, column] * 8
    y = row * 2 + 0.5 + planes[5, row, column] * 8
    assert (x, y) == pytest.approx((20.3, 31.8), abs=1e-4)
    assert not planes[2].any()


def test_unmarked_devices_weigh_nothing_unless_drawn_over() -> None:
    unmarked = np.zeros((64, 64), np.uint8)
    unmarked[:32] = 1
    body = np.zeros((64, 64), np.uint8)
    body[10:14] = 1
    weight = truth_planes((body, np.zeros_like(body)), [], unmarked)[6]
    assert weight[2, 5] == 0.0
    assert weight[6, 5] == 1.0
    assert weight[20, 5] == 1.0


def test_recorded_backgrounds_are_read(data_dir: Path) -> None:
    folder = data_dir / "xray" / "train"
    if not folder.is_dir():
        pytest.skip(f"recordings absent: no folder {folder}")
    scenes = Scenes(folder, limit=2)
    assert len(scenes.backgrounds.arcade) == 2
    assert len(scenes.backgrounds.projections) == 2
    for i in range(8):
        assert np.isfinite(scenes.draw(np.random.default_rng(i)).image).all()
