import numpy as np
import pytest

from heartwire.engine.inference import Model
from heartwire.engine.xray.refinement import TIPS_MODEL_NAME, RefinedTip, TipRefiner


@pytest.fixture(scope="module")
def refiner() -> TipRefiner:
    return TipRefiner(Model(TIPS_MODEL_NAME))


def _catheter(x: int, y: int, size: int = 200) -> np.ndarray:
    """A dark line 7 px wide from the left edge to (x, y), on noise."""
    pixels = np.random.default_rng(2).normal(130.0, 4.0, (size, size))
    pixels[y - 3 : y + 4, : x + 1] -= 60.0
    return pixels.clip(0, 255).astype(np.uint8)


def _refine(refiner: TipRefiner, pixels: np.ndarray, x: float, y: float) -> RefinedTip:
    (tip,) = refiner.refine(pixels, np.array([[x, y]], np.float32))
    return tip


@pytest.mark.parametrize("away", [(-3.0, 0.0), (2.0, 2.0), (0.0, -3.0)])
def test_a_tip_is_found_from_a_few_px_away(refiner: TipRefiner, away: tuple[float, float]) -> None:
    tip = _refine(refiner, _catheter(120, 90), 120 + away[0], 90 + away[1])
    assert np.hypot(tip.x_px - 120, tip.y_px - 90) < 2.0
    assert tip.seen > 0.5
    assert 0.0 < tip.bound_px < 10.0


def test_sixteen_bits_and_another_contrast_change_little(refiner: TipRefiner) -> None:
    pixels = _catheter(120, 90)
    eight = _refine(refiner, pixels, 118.0, 91.0)
    sixteen = _refine(refiner, pixels.astype(np.uint16) * 200, 118.0, 91.0)
    assert (sixteen.x_px, sixteen.y_px) == pytest.approx((eight.x_px, eight.y_px), abs=0.05)


@pytest.mark.parametrize("place", [(0.0, 0.0), (199.0, 199.0), (-5.0, 100.0), (100.0, 260.0)])
def test_places_at_the_border_and_beyond_are_answered(refiner: TipRefiner, place: tuple[float, float]) -> None:
    tip = _refine(refiner, _catheter(120, 90), *place)
    assert np.isfinite(tuple(tip)).all()


def test_tips_refined_together_are_those_refined_alone(refiner: TipRefiner) -> None:
    pixels, places = _catheter(120, 90), np.array([[118.0, 91.0], [30.0, 150.0], [121.0, 88.0]], np.float32)
    together = refiner.refine(pixels, places)
    for found, (x, y) in zip(together, places, strict=True):
        np.testing.assert_allclose(found, _refine(refiner, pixels, x, y), atol=1e-4)
    assert refiner.refine(pixels, places[:0]) == []
