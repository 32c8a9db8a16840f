"""The work that every peer is given: the same bytes, due at the same times, through the same step."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

Array = npt.NDArray[Any]
BAND_HZ = (0.5, 40.0)
_ORDER = 4
_FRAMES = 8
"""Different frames that come in turn."""


class Load(msgspec.Struct, kw_only=True, dict=True):
    """Streams of messages, each at its own pace and phase.

    ECG messages are (samples, leads) float32, frames are (frame_px, frame_px) uint8.
    """

    kind: Literal["ecg", "frames"] = "ecg"
    streams: int = 8
    seconds: float = 10.0
    leads: int = 2
    rate_hz: float = 250.0
    samples: int = 25
    frame_px: int = 512
    frame_hz: float = 30.0
    filtered: bool = False
    """A band-pass with carried state, or nothing at all, between in and out."""
    seed: int = 1

    @property
    def period_ns(self) -> int:
        """Time between two messages of a stream."""
        return round(1e9 * (self.samples / self.rate_hz if self.kind == "ecg" else 1 / self.frame_hz))

    @property
    def messages(self) -> int:
        """Messages of one stream."""
        return round(self.seconds * 1e9 / self.period_ns)

    @cached_property
    def phases_ns(self) -> list[int]:
        """Offset of each stream: devices of their own are not in step."""
        rng = np.random.default_rng(self.seed)
        return [int(p) for p in rng.uniform(0, self.period_ns, self.streams)]

    def intended_ns(self, stream: int, n: int) -> int:
        """When message `n` of a stream is due, from the common start: when its last sample was taken."""
        return self.phases_ns[stream] + (n + 1) * self.period_ns

    def due(self) -> list[tuple[int, int, int]]:
        """Give (intended_ns, stream, n) of every message, in order."""
        return sorted((self.intended_ns(s, n), s, n) for s in range(self.streams) for n in range(self.messages))

    @cached_property
    def _signals(self) -> list[Array]:
        rng = np.random.default_rng(self.seed)
        if self.kind == "frames":
            shape = (_FRAMES, self.frame_px, self.frame_px)
            return [rng.integers(0, 256, shape, np.uint8) for _ in range(self.streams)]
        shape = (self.messages, self.samples, self.leads)
        return [rng.standard_normal(shape).astype(np.float32) for _ in range(self.streams)]

    def message(self, stream: int, n: int) -> Array:
        """Give what message `n` of a stream holds."""
        signal = self._signals[stream]
        message: Array = signal[n % len(signal)]
        return message


class Seen(NamedTuple):
    """What an observer noted: one row a message out."""

    stream: npt.NDArray[np.int64]
    n: npt.NDArray[np.int64]
    intended_ns: npt.NDArray[np.int64]
    observed_ns: npt.NDArray[np.int64]


class Step:
    """One stream's step: the last sample of each lead, filtered where the load says so."""

    def __init__(self, load: Load) -> None:
        self._sos = butter(_ORDER, BAND_HZ, "bandpass", fs=load.rate_hz, output="sos") if load.filtered else None
        self.state = np.zeros((0, 2, load.leads)) if self._sos is None else np.zeros((len(self._sos), 2, load.leads))

    def samples(self, samples: Array) -> Array:
        """Take (n, leads) and give as many."""
        if self._sos is None:
            return samples
        filtered, self.state = sosfilt(self._sos, samples, axis=0, zi=self.state)
        return np.asarray(filtered)

    def __call__(self, message: Array) -> list[float]:
        """Take a message, give what goes out: one number for each lead, or of a frame its last pixel."""
        if message.dtype == np.uint8:
            return [float(message[-1, -1])]
        last: list[float] = self.samples(message)[-1].tolist()
        return last


def stream_id(load: Load, stream: int) -> str:
    """Name a stream."""
    return f"bed-{stream}/ecg" if load.kind == "ecg" else f"lab-{stream}/xray"


def numbers(ids: Iterable[str]) -> dict[str, int]:
    """Give the number of each stream by its name."""
    return {name: n for n, name in enumerate(ids)}
