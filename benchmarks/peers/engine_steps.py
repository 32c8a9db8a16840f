"""heartwire's side of the work: a source of the load, a processor as a user would write it, and steps to chain."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from heartwire.benchmarks.peers.work import Array, Load, Step
from heartwire.engine.chain import Chain, ItemStep
from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import EcgChunk, EndOfStream, Finding, Gap, Item, Overlay, SignalQuality, XrayFrame
from heartwire.engine.processor import Processor
from heartwire.engine.source import Source

KIND = "peers"
"""The name of both among the entry points."""


class LoadSource(Source, kw_only=True):
    """One stream of a load."""

    load: Load
    number: int

    def open(self) -> Iterator[Item]:
        """Give the messages."""
        load = self.load
        leads = tuple(f"lead{n}" for n in range(load.leads))
        for n in range(load.messages):
            data, captured_ns = load.message(self.number, n), (n + 1) * load.period_ns
            if load.kind == "frames":
                yield XrayFrame(stream=self.stream, frame=n, pixels=data, captured_ns=captured_ns)
            else:
                yield EcgChunk(
                    stream=self.stream,
                    first_sample=n * load.samples,
                    rate_hz=load.rate_hz,
                    leads=leads,
                    samples=data,
                    captured_ns=captured_ns,
                )
        yield EndOfStream(stream=self.stream, offered=load.messages * (1 if load.kind == "frames" else load.samples))


class StepProcessor(Processor):
    """The step of a load; tells the last sample of each block of an ECG, and each frame."""

    algorithmic_delay_s = 0.0

    def __init__(self, stream: str, load: Load) -> None:
        self._stream = stream
        self._load = load
        self._step = Step(load)

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item."""
        match item:
            case EcgChunk():
                return self._ecg(item)
            case XrayFrame():
                (last,) = self._step(item.pixels)
                return (Overlay(stream=self._stream, frame=item.frame, shown=True, age_ms=last),)
            case Gap() | EndOfStream():
                return ()
        msg = f"{type(item).__name__} is no item"
        raise TypeError(msg)

    def _ecg(self, chunk: EcgChunk) -> Iterable[Finding]:
        samples = self._step.samples(chunk.samples)
        block = self._load.samples
        first = chunk.first_sample
        return [
            SignalQuality(
                stream=self._stream,
                sample=first + at,
                decision_sample=first + at,
                leads=chunk.leads,
                quality=tuple(samples[at].tolist()),
                analysed=(),
            )
            for at in range(block - 1 - first % block, len(samples), block)
        ]

    def reset(self) -> None:
        """Return to the state of a fresh one."""
        self._step = Step(self._load)

    def snapshot(self) -> bytes:
        """Give the state of the filter."""
        return self._step.state.tobytes()

    def restore(self, state: bytes) -> None:
        """Take the state of the filter."""
        self._step.state = np.frombuffer(state).reshape(self._step.state.shape).copy()


class HandOn(ItemStep):
    """Looks at the last pixel of a frame and hands it on: the least that a step can do."""

    def process(self, item: Item) -> Iterable[Item]:
        """Take the next item."""
        if isinstance(item, XrayFrame):
            pixels: Array = item.pixels
            float(pixels[-1, -1])
        return (item,)

    def reset(self) -> None:
        """Do nothing: it has no state."""

    def snapshot(self) -> bytes:
        """Give nothing."""
        return b""

    def restore(self, state: bytes) -> None:
        """Do nothing."""


def create(stream: str, settings: Mapping[str, Any]) -> Processor:
    """Make the processor of a stream.

    Parameters
    ----------
    stream
        The stream's id.
    settings
        `load`: the fields of `Load`; `steps`: how many steps hand on before the last (none).

    Raises
    ------
    ConfigError
        If a setting is wrong.
    """
    try:
        load = msgspec.convert(settings["load"], Load)
        steps = msgspec.convert(settings.get("steps", 0), int)
    except (KeyError, msgspec.ValidationError) as error:
        msg = f"processor {KIND!r} of {stream!r}: {error}"
        raise ConfigError(msg) from None
    last = StepProcessor(stream, load)
    return Chain([HandOn() for _ in range(steps)], last) if steps else last
