"""How a network is fed for its cost to be measured; the times themselves are not judged."""

from __future__ import annotations

from typing import Any

import pytest

from heartwire.benchmarks.accuracy.network_cost import BEATS_PER_S, blocks, filled, measure
from heartwire.engine.inference import Model
from heartwire.models.catalogue import ModelCard


def card(inputs: dict[str, list[int]], **settings: float) -> ModelCard:
    told: dict[str, Any] = dict.fromkeys(("name", "version", "task", "sha256", "split", "command"), "")
    return ModelCard(
        **told, inputs=inputs, outputs={}, settings=settings, data=[], seed=0, intended_use="", limits=""
    )  # fmt: skip


def test_open_dimensions_are_filled_the_first_with_the_batch_the_last_with_the_block() -> None:
    assert filled([-1, 2, 1, -1], 64, 24) == (64, 2, 1, 24)
    assert filled([-1, 2, 1, 7], 64, 24) == (64, 2, 1, 7)
    assert filled([-1, 12], 1, None) == (1, 12)


def test_blocks_are_whole_frames_one_fixed_length_or_none_for_a_network_of_single_beats() -> None:
    state = {"state_0": [-1, 2, 1, 7]}
    streaming = card({"signal": [-1, 2, 1, -1], **state}, rate_hz=250.0, frame_samples=8.0)
    assert blocks(streaming) == [8, 24, 128, 248, 496]
    assert blocks(card({"signal": [-1, 2, 1, 40], **state}, rate_hz=250.0)) == [40]
    assert blocks(card({"wave": [-1, 6, 1, 226], "features": [-1, 12], **state})) == [None]


@pytest.mark.parametrize(("batch", "block"), [(1, 8), (3, 24)])
def test_a_network_is_run_with_its_states_carried(batch: int, block: int) -> None:
    cost = measure(Model("ecg-qrs", provider="cpu"), batch, block, least_s=0.0)
    assert (cost.network, cost.batch, cost.block_ms) == ("ecg-qrs", batch, 4.0 * block)
    assert cost.stream_seconds_per_second == pytest.approx(batch * block * 4.0 / cost.run_ms)


def test_a_network_of_single_beats_counts_beats() -> None:
    model = Model("ecg-beats", provider="cpu")
    block = blocks(model.card)[0]
    cost = measure(model, 2, block, least_s=0.0)
    if block is None:
        assert cost.stream_seconds_per_second == pytest.approx(2e3 / BEATS_PER_S / cost.run_ms)
    assert cost.run_ms > 0.0
