from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from heartwire.streams.simulators.settings import HELD_OUT, TRAINED
from heartwire.streams.simulators.tip_shapes import judkins_or_amplatz, reversed_or_triple

_DISCRETE = {"ring_counts", "tip_electrode_mm", "noise_kinds"}
_SHARES = {"two_wall_share", "hook_share", "end_on_share", "bands"}


def _ranges(value: Any) -> list[tuple[float, float]]:
    """Give every value and range of a setting as a range."""
    if isinstance(value, float):
        return [(value, value)]
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(limit, float) for limit in value):
        return [value]
    return [each for part in value for each in _ranges(part)]


@pytest.mark.parametrize("field", [f.name for f in dataclasses.fields(TRAINED)])
def test_held_out_settings_share_nothing_with_those_of_training(field: str) -> None:
    trained, held_out = getattr(TRAINED, field), getattr(HELD_OUT, field)
    if field in _SHARES:
        assert held_out > trained
    elif field == "noise_kinds":
        assert held_out[0] > trained[1]
    elif field == "scenes":
        assert set(held_out) - set(trained) == {"balloon"}
        assert set(trained) - set(held_out) == {"blunt and wire"}
    elif isinstance(trained, Mapping) or field in _DISCRETE:
        assert not set(trained) & set(held_out)
    elif isinstance(trained, str) or callable(trained):
        assert trained != held_out
    else:
        for (low, high), (other_low, other_high) in itertools.product(_ranges(trained), _ranges(held_out)):
            assert high < other_low or other_high < low


@pytest.mark.parametrize("settings", [TRAINED, HELD_OUT])
def test_chances_add_up_to_one(settings: Any) -> None:
    assert sum(settings.fields.values()) == pytest.approx(1.0)
    assert sum(settings.scenes.values()) == pytest.approx(1.0)


def test_guide_tips_held_out_bend_further_or_more_often() -> None:
    random = np.random.default_rng(3)
    for _ in range(200):
        trained, held_out = judkins_or_amplatz(random), reversed_or_triple(random)
        assert max(abs(angle) for _, angle in trained) < 205.0
        alternating = sum(a * b < 0.0 for (_, a), (_, b) in itertools.pairwise(held_out))
        assert max(angle for _, angle in held_out) >= 205.0 or alternating == 2
        assert (
            sum(abs(a) >= 25.0 and abs(b) >= 25.0 and a * b < 0 for (_, a), (_, b) in itertools.pairwise(trained)) < 2
        )
