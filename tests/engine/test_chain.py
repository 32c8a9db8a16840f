"""A chain takes items through its steps in order and keeps the contract of a processor."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np

from heartwire.engine.chain import Chain, ItemStep
from heartwire.engine.messages import EcgChunk, EndOfStream, Finding, HeartRate, Item
from heartwire.engine.processor import Processor
from heartwire.engine.testing import check_processor


class RunningSum(ItemStep):
    """Sums all samples so far."""

    algorithmic_delay_s = 0.5

    def __init__(self) -> None:
        self.reset()

    def process(self, item: Item) -> Iterable[Item]:
        if isinstance(item, EcgChunk):
            sums = self._sum + np.cumsum(item.samples, axis=0, dtype=np.float64)
            self._sum = float(sums[-1, 0])
            item = msgspec.structs.replace(item, samples=sums)
        elif not isinstance(item, Item):
            raise TypeError
        return (item,)

    def reset(self) -> None:
        self._sum = 0.0

    def snapshot(self) -> bytes:
        return msgspec.msgpack.encode(self._sum)

    def restore(self, state: bytes) -> None:
        self._sum = msgspec.msgpack.decode(state)


class Tenths(Processor):
    """Tells every tenth sample."""

    algorithmic_delay_s = 0.0

    def process(self, item: Item) -> Iterable[Finding]:
        if isinstance(item, EcgChunk):
            for n, (value,) in enumerate(item.samples.tolist(), item.first_sample):
                if n % 10 == 9:
                    yield HeartRate(stream=item.stream, sample=n, decision_sample=n, rate_bpm=value)

    def reset(self) -> None: ...

    def snapshot(self) -> bytes:
        return b""

    def restore(self, state: bytes) -> None: ...


def _chain() -> Chain:
    return Chain([RunningSum(), RunningSum()], Tenths())


def _items() -> list[Item]:
    ones = np.ones((25, 1), np.float32)
    chunks: list[Item] = [
        EcgChunk(stream="bed-1/ecg", first_sample=25 * n, rate_hz=250.0, leads=("I",), samples=ones) for n in range(20)
    ]
    return [*chunks, EndOfStream(stream="bed-1/ecg", offered=500)]


def test_each_step_takes_what_the_one_before_gave() -> None:
    chain = _chain()
    found = [f for item in _items() for f in chain.process(item) if isinstance(f, HeartRate)]
    assert [f.rate_bpm for f in found] == [n * (n + 1) / 2 for n in range(10, 501, 10)]


def test_a_chain_keeps_the_contract() -> None:
    check_processor(_chain, _items())


def test_the_delays_of_its_steps_add_up() -> None:
    assert _chain().algorithmic_delay_s == 1.0
