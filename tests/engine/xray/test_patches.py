import numpy as np

from heartwire.engine.xray.patches import STEP, ZERO, put, shape_of


def test_a_patch_begins_two_pixels_before_its_place() -> None:
    planes = np.random.default_rng(1).uniform(-5.0, 5.0, (3, 16, 12)).astype(np.float32)
    patches = np.full(shape_of(16), ZERO, np.uint8)
    put(planes, patches)
    pixels = (patches[2, 1].reshape(3, 4, 4).astype(np.float32) - ZERO) * STEP
    np.testing.assert_allclose(pixels, planes[:, 6:10, 2:6], atol=STEP / 2 + 1e-6)


def test_what_lies_beside_the_planes_is_empty() -> None:
    patches = np.full(shape_of(16), ZERO, np.uint8)
    put(np.full((3, 8, 7), 5.0, np.float32), patches)
    inside = np.zeros((20, 20), bool)
    inside[2:10, 2:9] = True
    pixels = patches.reshape(5, 5, 3, 4, 4).transpose(2, 0, 3, 1, 4).reshape(3, 20, 20)
    assert (pixels[:, inside] == ZERO + round(5.0 / STEP)).all()
    assert (pixels[:, ~inside] == ZERO).all()
