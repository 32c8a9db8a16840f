import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from heartwire.engine.xray.cells import CHANNELS, LOGIT_STEPS, OFFSET_STEPS, ZERO, unfold


@settings(deadline=None)  # compiled at first use
@given(seed=st.integers(0, 100), height=st.integers(1, 5), width=st.integers(1, 5))
def test_every_byte_comes_to_its_place(seed: int, height: int, width: int) -> None:
    cells = np.random.default_rng(seed).integers(0, 256, (height, width, CHANNELS), np.uint8)
    fine = np.empty((3, 2 * height, 2 * width), np.float32)
    tip, offset = (np.empty((2, height, width), np.float32) for _ in range(2))
    unfold(cells, fine, tip, offset)
    steps = cells.astype(np.float64) - ZERO
    odds = 1.0 / (1.0 + np.exp(-steps / LOGIT_STEPS))
    for row in range(2 * height):
        for column in range(2 * width):
            own = odds[row // 2, column // 2, [4 * plane + 2 * (row % 2) + column % 2 for plane in range(3)]]
            np.testing.assert_allclose(fine[:, row, column], own, rtol=1e-5)
    np.testing.assert_allclose(tip, np.moveaxis(odds[..., 12:14], 2, 0), rtol=1e-5)
    np.testing.assert_allclose(offset, np.moveaxis(steps[..., 14:] / OFFSET_STEPS, 2, 0), rtol=1e-5)
