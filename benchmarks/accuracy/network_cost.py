"""What the beat networks alone cost on one core: seconds of stream that they take in a second.

Everything is read from the card: a tensor's first open dimension is the batch, any other one time. A network that takes
a `signal` runs over the stream in blocks; any other runs once a beat.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, islice

import msgspec
import numpy as np
import onnxruntime as ort

from heartwire.engine.inference import Model
from heartwire.models.catalogue import ModelCard

BATCHES = (1, 64)
BLOCKS_S = (0.032, 0.096, 0.5, 1.0, 2.0)
BEATS_PER_S = 1.3
"""Beats in a second of stream: 78 a minute."""
_REPEATS = 9
_LEAST_S = 0.02
_WARM_UP = 3


class NetworkCost(msgspec.Struct, kw_only=True):
    """One network at one batch and block length, median over repeats; `block_ms` is None where it runs once a beat."""

    network: str
    batch: int
    block_ms: float | None
    run_ms: float
    stream_seconds_per_second: float


def blocks(card: ModelCard, wished_s: Sequence[float] = BLOCKS_S) -> list[int | None]:
    """Give the block lengths in samples that a network can take; [None] for one that runs once a beat."""
    if "signal" not in card.inputs:
        return [None]
    fixed = card.inputs["signal"][-1]
    if fixed != -1:
        return [fixed]
    step = round(card.settings.get("frame_samples", 1.0))
    return [max(1, round(s * card.settings["rate_hz"] / step)) * step for s in wished_s]


def filled(shape: Sequence[int], batch: int, length: int | None) -> tuple[int, ...]:
    """Put batch and length into the open dimensions of a shape."""
    whole = [batch if n == -1 and i == 0 else n for i, n in enumerate(shape)]
    return tuple((length or 1) if n == -1 else n for n in whole)


def _calls(model: Model, batch: int, block: int | None) -> Iterator[Callable[[], None]]:
    """Give, by turns, the calls that run a network on bound buffers, each on the states that the one before left."""
    random = np.random.default_rng(0)
    card = model.card

    def value(shape: Sequence[int]) -> ort.OrtValue:
        array = random.normal(0.0, 0.5, filled(shape, batch, block)).astype(np.float32)
        return ort.OrtValue.ortvalue_from_numpy(array)

    names = [name for name in card.inputs if name.startswith("state_")]
    states = [{name: value(card.inputs[name]) for name in names} for _ in range(2)]
    inputs = {name: value(shape) for name, shape in card.inputs.items() if name not in names}
    bindings = []
    for side in range(2):
        binding = model.session.io_binding()
        for name, bound in {**inputs, **states[side]}.items():
            binding.bind_ortvalue_input(name, bound)
        for name in card.outputs:
            if name.startswith("next_"):
                binding.bind_ortvalue_output(name, states[1 - side][name.removeprefix("next_")])
            else:
                binding.bind_output(name, "cpu")
        bindings.append(binding)
    for binding in cycle(bindings):
        yield partial(model.session.run_with_iobinding, binding)


def measure(model: Model, batch: int, block: int | None, *, least_s: float = _LEAST_S) -> NetworkCost:
    """Time a network on random input, the state carried from run to run as in the engine."""
    card = model.card
    calls = _calls(model, batch, block)

    def time_s(n: int) -> float:
        begin_s = time.perf_counter()
        for call in islice(calls, n):
            call()
        return (time.perf_counter() - begin_s) / n

    time_s(_WARM_UP)
    n = max(1, round(least_s / max(time_s(1), 1e-6)))
    run_s = statistics.median(time_s(n) for _ in range(_REPEATS))
    stream_s = batch / BEATS_PER_S if block is None else batch * block / card.settings["rate_hz"]
    return NetworkCost(
        network=card.name,
        batch=batch,
        block_ms=None if block is None else round(1e3 * block / card.settings["rate_hz"], 3),
        run_ms=run_s * 1e3,
        stream_seconds_per_second=stream_s / run_s,
    )


def network_costs(names: Sequence[str]) -> Iterator[NetworkCost]:
    """Time each network at every batch and block length, on the CPU, one thread."""
    for name in names:
        model = Model(name, provider="cpu", threads=1)
        for batch in BATCHES:
            for block in blocks(model.card):
                yield measure(model, batch, block)
