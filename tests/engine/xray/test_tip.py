import numpy as np
import pytest

from heartwire.engine.xray.device_map import DeviceMap
from heartwire.engine.xray.tip import find_tips


def _map(tips: list[tuple[int, float, float, float]]) -> DeviceMap:
    """Heat and offsets as the network is trained to give them; tips are (class, x, y, heat)."""
    centres = np.arange(128, dtype=np.float32) * 4 + 1.5
    heat = np.zeros((2, 128, 128), np.float32)
    offset = np.zeros((2, 128, 128), np.float32)
    for kind, x, y, height in tips:
        dx, dy = (x - centres)[None, :], (y - centres)[:, None]
        heat[kind] = np.maximum(heat[kind], height * np.exp(-(dx**2 + dy**2) / (8 * 1.7**2)))
        near = dx**2 + dy**2 < 64
        offset[0][near] = np.broadcast_to(dx, near.shape)[near]
        offset[1][near] = np.broadcast_to(dy, near.shape)[near]
    return DeviceMap(np.zeros((2, 256, 256), np.float32), np.zeros((256, 256), np.float32), heat, offset)


@pytest.mark.parametrize("place", [(100.0, 50.0), (311.3, 207.9), (1.0, 1.0), (509.5, 510.0)])
def test_a_tip_is_placed_between_cells(place: tuple[float, float]) -> None:
    (tip,) = find_tips(_map([(0, *place, 0.8)]), least_heat=0.1)
    assert (tip.x_px, tip.y_px) == pytest.approx(place, abs=0.05)
    assert tip.class_ == "catheter"


def test_hottest_first_each_of_its_class() -> None:
    tips = find_tips(_map([(0, 100.0, 100.0, 0.4), (1, 300.0, 200.0, 0.9)]), least_heat=0.1)
    assert [(t.class_, round(t.x_px)) for t in tips] == [("guidewire", 300), ("catheter", 100)]


def test_faint_heat_is_no_tip() -> None:
    assert find_tips(_map([(0, 100.0, 100.0, 0.05)]), least_heat=0.1) == []
