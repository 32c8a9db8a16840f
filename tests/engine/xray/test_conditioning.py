import numpy as np
import pytest

from heartwire.engine.xray.conditioning import NETWORK_SIZE_PX, Conditioner, LocalContrast


def _textured(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    ramp = np.linspace(40.0, 200.0, width)[None, :] + np.zeros((height, 1))
    return ramp + rng.normal(0.0, 4.0, (height, width))


def _conditioned(pixels: np.ndarray) -> np.ndarray:
    conditioner = Conditioner(*pixels.shape)
    conditioner.take(pixels)
    return conditioner.apply().normalised()


@pytest.mark.parametrize("shape", [(512, 512), (256, 300), (1024, 1024), (480, 640), (37, 900)])
def test_any_shape_is_scaled_whole_to_the_networks_side(shape: tuple[int, int]) -> None:
    out = _conditioned(_textured(*shape).astype(np.uint8))
    conditioner = Conditioner(*shape)
    assert np.isfinite(out).all()
    assert max(out.shape) == NETWORK_SIZE_PX
    assert out.shape == (conditioner.inner_height, conditioner.inner_width)


def test_an_average_conditioned_alike_is_the_average_of_the_conditioned() -> None:
    frames = [_textured(256, 256).astype(np.float32) + np.float32(shift) for shift in (-10.0, 0.0, 10.0)]
    contrast = LocalContrast(256, 256)
    each = [np.empty((256, 256), np.float32) for _ in frames]
    for frame, out in zip(frames, each, strict=True):
        contrast.apply(frame, out)
    average = np.empty((256, 256), np.float32)
    contrast.apply_alike(np.mean(frames, axis=0), average)
    inner = slice(20, -20)
    np.testing.assert_allclose(average[inner, inner], np.mean(each, axis=0)[inner, inner], atol=0.15)


def test_grey_depth_does_not_matter() -> None:
    eight = _textured(512, 512).astype(np.uint8)
    sixteen = eight.astype(np.uint16) * 257
    np.testing.assert_allclose(_conditioned(eight), _conditioned(sixteen), atol=2e-3)


def test_slow_brightness_goes_and_darker_stays_negative() -> None:
    image = _textured(512, 512)
    image[200:300, 250:256] -= 30.0
    out = _conditioned(image.astype(np.uint8))
    assert abs(float(out[50:150, 50:450].mean())) < 0.1
    assert float(out[210:290, 251:255].mean()) < -1.0


def test_an_empty_frame_is_calm() -> None:
    assert not _conditioned(np.zeros((300, 300), np.uint8)).any()
    assert np.abs(_conditioned(np.full((300, 300), 90, np.uint8))).max() < 1e-3


@pytest.mark.parametrize("shape", [(512, 512), (480, 640), (1024, 768), (256, 256)])
def test_positions_go_to_the_network_and_back(shape: tuple[int, int]) -> None:
    conditioner = Conditioner(*shape)
    points = np.array([[0.0, 0.0], [10.5, 77.25], [shape[1] - 1.0, shape[0] - 1.0]], np.float32)
    np.testing.assert_allclose(conditioner.to_frame(conditioner.to_network(points)), points, atol=1e-3)


def test_a_mark_is_found_where_the_mapping_says() -> None:
    image = np.full((960, 1280), 120, np.uint8)
    image[400:404, 800:804] = 0
    conditioner = Conditioner(*image.shape)
    conditioner.take(image)
    out = conditioner.apply().normalised()
    darkest = np.argwhere(out < out.min() * 0.5).mean(axis=0)[::-1]
    np.testing.assert_allclose(conditioner.to_frame(darkest[None])[0], (801.5, 401.5), atol=1.5)
