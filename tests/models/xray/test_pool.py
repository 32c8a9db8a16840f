import shutil

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.train


def test_truth_survives_eight_bits() -> None:
    from heartwire.models.xray.pool import pack_truth, unpack_truth
    from heartwire.models.xray.truth import truth_planes

    nothing = np.zeros((64, 64), np.uint8)
    truth = truth_planes((nothing, nothing.copy()), [(1, 30.3, 20.9)], [(10.0, 40.0)], nothing.copy())
    back = unpack_truth(torch.from_numpy(pack_truth(truth))[None])[0].numpy()
    np.testing.assert_array_equal(np.isnan(back), np.isnan(truth))
    np.testing.assert_allclose(np.nan_to_num(back), np.nan_to_num(truth), atol=0.011)


def test_samples_of_a_look_can_be_left_out() -> None:
    from heartwire.models.xray.looks import Look
    from heartwire.models.xray.pool import Pool
    from heartwire.models.xray.scenes import Sample

    pool = Pool(3, 16)
    for slot, look in enumerate((Look("plain", "flat-panel"), Look("film", "cine-film", frozenset({"pigtail"})))):
        pool.put(slot, Sample(np.zeros((3, 16, 16), np.float32), np.zeros((8, 8, 8), np.float32), look))
    assert pool.candidates(None).tolist() == [0, 1]
    assert pool.candidates("film").tolist() == [0]
    assert pool.candidates("pigtail").tolist() == [0]
    assert pool.candidates("flat-panel").tolist() == [1]


def test_the_death_of_one_that_draws_is_told_instead_of_waited_for() -> None:
    from heartwire.engine.errors import HeartwireError
    from heartwire.models.xray import pool as pools

    class Broken:
        def draw(self, rng: np.random.Generator) -> None:
            raise OSError("disk")

    pool = pools.Pool(4, 16)
    with pytest.raises(OSError, match="disk"):
        pools._draw_on(pool, [(Broken(), 1.0)], 1, 0, 1)  # type: ignore[list-item]
    with pytest.raises(HeartwireError, match="died"):
        pool.check()


def test_shared_memory_that_holds_too_little_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from heartwire.engine.errors import InputError
    from heartwire.models.xray import pool as pools

    usage = shutil.disk_usage("/")._replace(free=64 << 20)
    monkeypatch.setattr(pools.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(InputError, match="shm-size"):
        pools.capacity(6000, 256)
