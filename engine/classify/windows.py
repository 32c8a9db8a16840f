"""Windows of a stream of samples, at places counted from its start: how it comes in pieces does not matter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np

from heartwire.engine.messages import FloatArray


class Window(NamedTuple):
    """Samples (length, n_leads) from `first` on."""

    first: int
    samples: FloatArray


class _State(msgspec.Struct):
    begin: int
    samples: bytes


class Windows:
    """Cuts a stream into windows of `length` samples, one each `hop`.

    Parameters
    ----------
    length, hop
        In samples of the stream.
    n_leads
        Leads kept.
    """

    def __init__(self, length: int, hop: int, n_leads: int) -> None:
        self.length, self.hop = length, hop
        self._n_leads = n_leads
        self.begin_at(0)

    def begin_at(self, sample: int) -> None:
        """Begin with a sample number: what came before is over."""
        self._begin = sample
        """Number of the first sample kept."""
        self._kept: FloatArray = np.empty((0, self._n_leads), np.float32)

    @property
    def end(self) -> int:
        """Number of the next sample."""
        return self._begin + len(self._kept)

    def push(self, samples: FloatArray) -> Iterator[Window]:
        """Take the next samples (n_samples, n_leads); give the windows that they complete."""
        kept = np.concatenate((self._kept, samples))
        end = self._begin + len(kept)
        first = -(-self._begin // self.hop) * self.hop
        windows = []
        while first + self.length <= end:
            at = first - self._begin
            windows.append(Window(first, kept[at : at + self.length]))
            first += self.hop
        passed = min(max(first - self._begin, 0), len(kept))
        self._begin, self._kept = self._begin + passed, kept[passed:].copy()
        yield from windows

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self._begin, self._kept.tobytes()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same length, hop and leads."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._begin = s.begin
        self._kept = np.frombuffer(s.samples, np.float32).reshape(-1, self._n_leads)
