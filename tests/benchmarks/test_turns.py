"""Two conditions that take turns: a ratio is as sure as its turns agree."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.turns import percentile, ratio


def _turns(scale: float, seed: int, count: int = 20, size: int = 100) -> list[npt.NDArray[np.float32]]:
    random = np.random.default_rng(seed)
    return [np.float32(scale) * random.gamma(4.0, size=size).astype(np.float32) for _ in range(count)]


def test_the_bounds_hold_the_ratio_that_was_put_in() -> None:
    found = ratio(_turns(1.5, 1), _turns(1.0, 2), 99.0)
    assert found.lowest < 1.5 < found.highest
    assert found.lowest > 1.2


def test_one_turn_in_which_the_machine_stood_still_widens_the_bounds() -> None:
    slow = _turns(1.0, 2)
    slow[7] = slow[7] + 50
    even, uneven = ratio(_turns(1.0, 1), _turns(1.0, 2), 99.0), ratio(_turns(1.0, 1), slow, 99.0)
    assert uneven.highest - uneven.lowest > 2 * (even.highest - even.lowest)


def test_too_few_have_no_percentile() -> None:
    few = _turns(1.0, 1, count=2, size=5)
    assert math.isnan(percentile(few, 99.0))
    assert math.isnan(ratio(few, few, 99.0).value)
    assert math.isnan(percentile([], 99.0))
