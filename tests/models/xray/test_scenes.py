from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from heartwire.models.xray.backgrounds import Backgrounds
from heartwire.models.xray.clutter import Clutter
from heartwire.models.xray.devices import KINDS, Canvas, draw_devices
from heartwire.models.xray.looks import CHAINS, ERAS, Chain, Look
from heartwire.models.xray.scenes import Sample, Scenes, hide
from heartwire.models.xray.strokes import stroke


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Scenes:
    """Scenes without recordings: smooth fields alone."""
    return Scenes(Backgrounds(tmp_path_factory.mktemp("empty")))


@pytest.fixture(scope="module")
def samples(scenes: Scenes) -> list[Sample]:
    return [scenes.draw(np.random.default_rng(i)) for i in range(110)]


def test_the_same_generator_draws_the_same_sample(scenes: Scenes) -> None:
    first, again = (scenes.draw(np.random.default_rng(11)) for _ in range(2))
    np.testing.assert_array_equal(first.image, again.image)
    np.testing.assert_array_equal(first.truth, again.truth)
    assert first.look == again.look


def test_samples_are_finite_and_of_their_shape(samples: list[Sample]) -> None:
    for sample in samples:
        assert sample.image.shape == (3, 256, 256)
        assert sample.image.dtype == np.float32
        assert sample.truth.shape == (8, 128, 128)
        assert sample.truth.dtype == np.float32
        assert np.isfinite(sample.image).all()
        others = np.delete(sample.truth, (4, 5), axis=0)
        assert others.min() >= 0.0
        assert others.max() <= 1.0
        assert (np.isnan(sample.truth[4]) == np.isnan(sample.truth[5])).all()


def test_stills_and_runs_are_both_drawn(samples: list[Sample]) -> None:
    still = sum(np.array_equal(s.image[0], s.image[1]) and np.array_equal(s.image[0], s.image[2]) for s in samples)
    paused = sum(np.array_equal(s.image[0], s.image[1]) and not np.array_equal(s.image[0], s.image[2]) for s in samples)
    assert 0.2 < still / len(samples) < 0.5
    assert 0.02 < paused / len(samples) < 0.25


def test_looks_are_named_and_all_of_them_drawn(samples: list[Sample]) -> None:
    assert {s.look.chain for s in samples} == set(CHAINS)
    assert {s.look.era for s in samples} == set(ERAS)
    assert frozenset().union(*(s.look.kinds for s in samples)) == set(KINDS)


def test_images_without_devices_hold_no_truth(samples: list[Sample]) -> None:
    without = [s for s in samples if not s.look.kinds]
    assert 0.05 < len(without) / len(samples) < 0.2
    for sample in without:
        assert not sample.truth[[0, 1, 2, 3, 6]].any()


def test_tips_lie_on_bodies_of_their_class_and_electrodes_on_catheters() -> None:
    seen = electrodes = 0
    for i in range(60):
        canvas = draw_devices(np.random.default_rng(i), 256)
        places = canvas.tips + [(0, x, y) for x, y in canvas.electrodes]
        for kind, x, y in places:
            around = canvas.bodies[kind][max(0, int(y) - 4) : int(y) + 5, max(0, int(x) - 4) : int(x) + 5]
            assert around.any()
        seen += len(canvas.tips)
        electrodes += len(canvas.electrodes)
    assert seen > 10
    assert electrodes > 10


def test_a_tip_that_contrast_or_noise_hides_has_no_heat() -> None:
    chain = Chain.draw(np.random.default_rng(0), Look("plain", "flat-panel"), np.full((128, 128), 0.5, np.float32))
    chain = replace(chain, noise_follows=False, low=0.0, span=1.0, gamma=1.0, gain=1.0)
    curve = np.stack([np.arange(0.0, 64.0, 0.5), np.full(128, 64.0)], axis=1).astype(np.float32)

    def tips_left(dye: float, sigma: float) -> tuple[int, int]:
        canvas = Canvas.empty(128)
        canvas.kinds.add("wire")
        flat = np.full(128, 2.0, np.float32), np.full(128, 0.3, np.float32)
        stroke(canvas.depth, canvas.bodies[1], curve, *flat, 0.0, 0.0, 1.5, True)
        canvas.tips.append((1, 63.5, 64.0))
        clutter = Clutter(*(np.zeros((128, 128), np.float32) for _ in range(3)))
        clutter.dye[50:80, 50:80] = dye
        behind = 0.5 * np.exp(-clutter.dye)
        unmarked = np.zeros((128, 128), np.uint8)
        hide(canvas, clutter, behind, behind * np.exp(-canvas.depth), chain, sigma, unmarked)
        return len(canvas.tips), int(unmarked[64, 63])

    assert tips_left(0.0, 0.01) == (1, 0)
    assert tips_left(0.4, 0.01) == (0, 1)
    assert tips_left(0.0, 0.2) == (0, 1)


def test_recorded_backgrounds_are_read(data_dir: Path) -> None:
    folder = data_dir / "xray" / "train"
    if not folder.is_dir():
        pytest.skip(f"recordings absent: no folder {folder}")
    scenes = Scenes(Backgrounds(folder, limit=2))
    assert len(scenes.backgrounds.arcade) == 2
    assert len(scenes.backgrounds.projections) == 2
    for i in range(8):
        assert np.isfinite(scenes.draw(np.random.default_rng(i)).image).all()
