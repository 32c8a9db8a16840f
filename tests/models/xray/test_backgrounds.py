from pathlib import Path

import cv2
import numpy as np
import pytest

from heartwire.models.xray.backgrounds import Backgrounds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One angiogram: a dark artery that was marked across a brighter, uneven background."""
    images, masks = tmp_path / "arcade" / "images", tmp_path / "arcade" / "vessel_masks"
    images.mkdir(parents=True)
    masks.mkdir()
    image = np.tile(np.linspace(140, 180, 512, dtype=np.uint8), (512, 1))
    marked = np.zeros((512, 512), np.uint8)
    cv2.line(marked, (30, 60), (470, 430), 255, 7)
    image[marked > 0] //= 2
    cv2.imwrite(str(images / "1.jpg"), image, [cv2.IMWRITE_JPEG_QUALITY, 98])
    cv2.imwrite(str(masks / "1.png"), marked)
    return tmp_path


def test_an_artery_is_parted_from_its_background(folder: Path) -> None:
    (recorded,) = Backgrounds(folder).arcade
    assert recorded.bare[245, 250] > 0.9 * recorded.image[200, 250]
    assert recorded.image[245, 250] < 0.6 * recorded.image[200, 250]


def test_the_depth_of_a_marked_artery_is_that_of_the_image(folder: Path) -> None:
    (recorded,) = Backgrounds(folder).arcade
    assert recorded.tree is not None
    assert recorded.tree[245, 250] / 200.0 == pytest.approx(np.log(2.0), abs=0.1)
    assert not recorded.tree[60:120, 300:500].any()


def test_bare_and_lines_make_the_image_again(folder: Path) -> None:
    backgrounds = Backgrounds(folder)
    drawn = (backgrounds.draw(np.random.default_rng(i), 128) for i in range(20))
    depths = [lines.max() for _, lines, *_, real in drawn if real]
    assert max(depths) > 0.5
    assert min(depths) >= 0.0


def test_a_tree_of_another_recording_comes_scaled_and_turned(folder: Path) -> None:
    backgrounds = Backgrounds(folder)
    trees = [backgrounds.tree(np.random.default_rng(i), 128) for i in range(5)]
    assert all(tree is not None and tree.shape == (128, 128) and 0.0 <= tree.min() < 3.0 for tree in trees)
    assert not np.array_equal(trees[0], trees[1])


def test_without_marked_recordings_there_is_no_tree(tmp_path: Path) -> None:
    assert Backgrounds(tmp_path).tree(np.random.default_rng(0), 64) is None
