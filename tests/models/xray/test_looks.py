from dataclasses import replace

import numpy as np

from heartwire.models.xray.looks import Chain, Look, draw_look, noise


def _plain() -> Chain:
    """A chain that changes nothing."""
    chain = Chain.draw(np.random.default_rng(0), Look("plain", "flat-panel"), np.full((128, 128), 0.5, np.float32))
    return replace(
        chain, blur_px=0.0, sharpen=0.0, low=0.0, span=1.0, gamma=1.0, gain=1.0, offset=0.0, vignette=None,
        field_soft=None, clahe=None, text=None, coding=None, whole_levels=False, steepness=0.0, flatten=0.0,
    )  # fmt: skip


def test_a_steep_curve_is_flat_at_both_ends() -> None:
    ramp = np.repeat(np.linspace(0.0, 1.0, 128, dtype=np.float32)[None], 128, axis=0)
    nothing = np.zeros_like(ramp)
    plain = _plain().apply(ramp, nothing, 0.0)[0]
    steep = replace(_plain(), steepness=9.0).apply(ramp, nothing, 0.0)[0]
    steps = np.diff(steep)
    assert (steps > 0.0).all()
    assert max(steps[0], steps[-1]) < 0.2 * np.diff(plain).mean() < 0.2 * steps[64]


def test_flattening_takes_slow_changes_out_and_leaves_lines() -> None:
    image = np.repeat(np.linspace(0.2, 0.8, 256, dtype=np.float32)[None], 256, axis=0)
    image[:, 128:132] *= 0.7
    flat = replace(_plain(), flatten=1.0).at_the_detector(image)
    assert np.ptp(flat[128, 40:120]) < 0.3 * np.ptp(image[128, 40:120])
    assert 0.6 < flat[128, 130] / flat[128, 120] < 0.8


def test_every_look_draws_chains_whose_images_are_grey_levels() -> None:
    scene = np.full((128, 128), 0.5, np.float32)
    for i in range(60):
        random = np.random.default_rng(i)
        chain = Chain.draw(random, draw_look(random), scene)
        image = chain.apply(chain.at_the_detector(scene), noise(random, 128, chain.noise_colour), 0.05)
        assert np.isfinite(image).all()
        assert image.min() >= 0.0
        assert image.max() <= 255.0
