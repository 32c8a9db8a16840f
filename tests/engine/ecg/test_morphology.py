from __future__ import annotations

import numpy as np
import pytest

from heartwire.engine.ecg.beat_context import CHANNELS, WIDTH
from heartwire.engine.ecg.morphology import Morphology, RunMorphology
from heartwire.engine.messages import FloatArray

TIMES = np.arange(WIDTH, dtype=np.float32) - 46


def wave(angle: float, late: float = 0.0) -> FloatArray:
    """Give a wide complex whose axis lies at an angle between the two leads."""
    shape = np.exp(-(((TIMES - late) / 5) ** 2)) - 0.5 * np.exp(-(((TIMES - late - 9) / 4) ** 2))
    out = np.zeros((CHANNELS, WIDTH), np.float32)
    out[0], out[1] = np.cos(angle) * shape, np.sin(angle) * shape
    return out


def of(waves: list[FloatArray], since: int = 0) -> Morphology:
    runs = RunMorphology()
    for number, each in enumerate(waves):
        runs.beat(number * 80, each)
    return runs.of_run(since)


def test_beats_that_are_alike_are_monomorphic_wherever_r_is_put() -> None:
    random = np.random.default_rng(1)
    noise = random.normal(0.0, 0.05, (5, CHANNELS, WIDTH)).astype(np.float32)
    waves = [wave(0.5, late) + each for late, each in zip((0, 3, -2, 1, 0), noise, strict=True)]
    assert of(waves) == "monomorphic"


@pytest.mark.parametrize("turn", [0.35, 0.6, 1.2])
def test_an_axis_that_turns_from_beat_to_beat_is_polymorphic(turn: float) -> None:
    assert of([wave(n * turn) for n in range(6)]) == "polymorphic"


def test_the_beats_before_the_run_do_not_count() -> None:
    waves = [wave(2.0), wave(1.0), wave(3.0), *(wave(0.5) for _ in range(5))]
    assert of(waves) == "polymorphic"
    assert of(waves, since=3 * 80) == "monomorphic"


def test_three_beats_tell_nothing() -> None:
    assert of([wave(0.5)] * 3) == ""


def test_what_is_restored_tells_the_same() -> None:
    runs, again = RunMorphology(), RunMorphology()
    for number in range(6):
        runs.beat(number * 80, wave(0.3 * number))
    again.restore(runs.snapshot())
    assert again.likeness(0) == runs.likeness(0)
