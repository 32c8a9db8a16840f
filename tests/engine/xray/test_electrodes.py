import numpy as np

from heartwire.engine.xray.electrodes import along, find_electrodes


def _heat(places: list[tuple[float, float]]) -> np.ndarray:
    centres = np.arange(64, dtype=np.float32) * 2 + 0.5
    heat = np.zeros((64, 64), np.float32)
    for x, y in places:
        squared = (centres[None, :] - x) ** 2 + (centres[:, None] - y) ** 2
        np.maximum(heat, np.exp(-squared / (2 * 3.0**2)), out=heat)
    return heat


def test_electrodes_are_placed_between_cells() -> None:
    places = [(20.3, 40.0), (60.0, 80.7)]
    found = find_electrodes(_heat(places), least_heat=0.3)
    np.testing.assert_allclose(sorted(found.tolist()), places, atol=0.3)


def test_a_cold_map_holds_none() -> None:
    assert len(find_electrodes(0.2 * _heat([(30.0, 30.0)]), least_heat=0.3)) == 0


def test_electrodes_are_ordered_from_the_tip_and_those_of_other_devices_left_out() -> None:
    line = np.stack([np.linspace(0.0, 100.0, 51), np.full(51, 50.0)], axis=1).astype(np.float32)
    electrodes = np.array([(10.0, 52.0), (90.0, 50.0), (50.0, 20.0), (40.0, 49.0)], np.float32)
    np.testing.assert_array_equal(along(line, electrodes)[:, 0], [90.0, 40.0, 10.0])
