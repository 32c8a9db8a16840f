"""The pulse channels of one stream: their pulses, given no sooner than the samples that told them."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from heartwire.engine.ecg.pulse import Pulse, PulseDetector
from heartwire.engine.messages import FloatArray


class ChannelPulse(NamedTuple):
    """A pulse, its samples counted on the stream, and the number of its pulse channel."""

    channel: int
    pulse: Pulse


class _State(msgspec.Struct):
    origin: int
    detectors: list[bytes]
    waiting: list[ChannelPulse]


class PulseMeter:
    """Follows the pulse channels of one stream.

    Parameters
    ----------
    rate_hz
        Samples a second.
    n_channels
        How many there are; there may be none.
    origin
        Number of the first sample.
    """

    def __init__(self, rate_hz: float, n_channels: int, origin: int) -> None:
        self._detectors = [PulseDetector(rate_hz) for _ in range(n_channels)]
        self.restart(origin)

    def restart(self, origin: int) -> None:
        """Begin anew with the sample `origin`."""
        self._origin = origin
        self._waiting: list[ChannelPulse] = []
        for detector in self._detectors:
            detector.reset()

    def push(self, samples: FloatArray) -> None:
        """Take the next samples, (n_samples, n_channels), NaN where invalid."""
        for channel, detector in enumerate(self._detectors):
            for pulse in detector.process(np.ascontiguousarray(samples[:, channel])):
                placed = pulse._replace(sample=self._origin + pulse.sample, decided_at=self._origin + pulse.decided_at)
                self._waiting.append(ChannelPulse(channel, placed))
        self._waiting.sort(key=lambda told: (told.pulse.decided_at, told.channel))

    def take(self, sample: int) -> list[ChannelPulse]:
        """Give the pulses that are known when `sample` is the last one known, each once."""
        if not self._waiting:
            return []
        n = sum(told.pulse.decided_at <= sample for told in self._waiting)
        taken, self._waiting = self._waiting[:n], self._waiting[n:]
        return taken

    def snapshot(self) -> bytes:
        """Give the whole state."""
        state = _State(self._origin, [detector.snapshot() for detector in self._detectors], self._waiting)
        return msgspec.msgpack.encode(state)

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same rate and channels."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._origin, self._waiting = s.origin, s.waiting
        for detector, kept in zip(self._detectors, s.detectors, strict=True):
            detector.restore(kept)
