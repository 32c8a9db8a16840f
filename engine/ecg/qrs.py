"""R peaks: the QRS network run over what has come, its slots decoded, each confirmed peak put onto the wave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from heartwire.engine.ecg.conditioning import GRID_HZ
from heartwire.engine.ecg.pacing import AFTER as PULSE_AFTER
from heartwire.engine.ecg.pacing import PacerPulse
from heartwire.engine.ecg.qrs_reading import QrsReading, readings
from heartwire.engine.ecg.slots import FRAME, REACH, SLOT, Bar, Peak, QrsSettings, SlotDecoder
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.inference import Model
from heartwire.engine.messages import FloatArray
from heartwire.engine.stacking import Asking, Question, alone

QUALITY_FRAMES = 30
"""Frames over which the network's quality is averaged: 0.96 s."""

_SIZES = (256, 64, 32, 16, 8, 7, 6, 5, 4, 3, 2, 1)
"""Frames that the network takes at once."""
_WAVE = 256
QRS_LOOKS_BACK = _WAVE + FRAME
_SNAP = 12
_SNAP_LEAST_MV = 0.05
_DOWNWARD = 0.7
_PULSE_REACH = (8, 24)
"""Grid samples before and after a pacer pulse in which the network may take the pulse for an R peak."""


class RPeak(NamedTuple):
    """An R peak on the conditioned 250 Hz grid, with fractions.

    `at` is where it lies on the wave (a provisional one: where the network sees it), `seen_at` where the network sees
    it, `decided_at` the last grid sample that the decision needed.
    """

    at: float
    seen_at: float
    decided_at: int
    confidence: float
    confirmed: bool


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def snap(wave: FloatArray, at: float) -> float:
    """Put an R peak onto the tallest deflection of the wave within 48 ms; an upward one is taken before a downward one.

    Where the wave is too low to say, `at` stays.

    Parameters
    ----------
    wave
        (n_samples,) mV, one lead.
    at
        Where the network sees the peak, in samples.
    """
    about = int(np.rint(at))
    best, k = np.float32(0.0), 0
    for i in range(max(about - _SNAP, 1), min(about + _SNAP + 1, len(wave) - 1)):
        height = max(wave[i], np.float32(-_DOWNWARD) * wave[i])
        if height > best:
            best, k = height, i
    if best < _SNAP_LEAST_MV:
        return at
    left, right = float(wave[k - 1]), float(wave[k + 1])
    bend = left - 2.0 * float(wave[k]) + right
    shift = 0.5 * (left - right) / bend if bend != 0.0 else 0.0
    return k + min(max(shift, -0.5), 0.5)


class _State(msgspec.Struct):
    network: bytes
    decoder: bytes
    quality: bytes
    barred: list[Bar]


class QrsDetector:
    """Finds the R peaks of one stream.

    The network sees two leads and their order does not matter to it; the R peak is placed on the first, so that it lies
    on the same deflection in every beat.

    Parameters
    ----------
    model
        The QRS model; one may serve many streams of the same thread.
    signal
        The two leads, its first columns, of which `QRS_LOOKS_BACK` rows are looked back on; its owner resets it
        and saves it.

    Raises
    ------
    ModelError
        If the model's card lacks a setting.
    """

    def __init__(self, model: Model, signal: Tail) -> None:
        settings = QrsSettings.from_card(model.card.settings)
        self._stack = model.stack
        self._network = model.stack.state()
        self._decoder = SlotDecoder(settings)
        self.delay = settings.delay + REACH * SLOT + _SNAP
        """Most samples from an R peak in the conditioned signal to its confirmation."""
        self.delay_s = self.delay / GRID_HZ
        self._signal = signal
        self._quality = Tail(QUALITY_FRAMES, 2)
        """By frame."""
        self._reading: QrsReading | None = None
        """Where the network is compiled."""
        if (together := readings(self._stack)) is not None:
            self._reading = QrsReading(together, self._network, self._decoder, signal, self._quality)
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh detector."""
        self._network.reset()
        self._decoder.reset()
        self._quality.reset()
        self._barred: list[Bar] = []
        """Stretches about pulses that no beat followed."""

    def process(self, samples: FloatArray, pulses: Sequence[PacerPulse] = ()) -> list[RPeak]:
        """Do what `asking` does, for this stream alone.

        Parameters
        ----------
        samples
            (n_samples, 2) conditioned samples of the two leads in use, mV; zeros for a lead that is not there.
        pulses
            As in `asking`.
        """
        self._signal.append(samples)
        return alone(self.asking(pulses))

    def asking(self, pulses: Sequence[PacerPulse] = ()) -> Asking[list[RPeak]]:
        """Look at what was added to the signal; give the peaks that it shows, in the order of their decision.

        Parameters
        ----------
        pulses
            The pacer pulses that these samples complete: one that is alone is no beat.
        """
        before, after = _PULSE_REACH
        for pulse in pulses:
            if pulse.alone:
                self._barred.append(Bar(pulse.at - before, pulse.at + after, pulse.at + PULSE_AFTER))
        signal = self._signal
        begin, end = self._quality.n * FRAME, signal.n // FRAME * FRAME
        if begin == end:
            return []
        if self._reading is not None:
            found = yield from self._reading.asking((end - begin) // FRAME, self._barred)
        else:
            qrs, quality = yield from self._ask(signal.rows(begin, end)[:, :2].T[None, :, None])
            self._quality.append(quality.T)
            found = self._decoder.decode(qrs, self._barred)
        peaks = [self._placed(peak) for peak in found] if found else []
        if self._barred:
            self._barred = [bar for bar in self._barred if bar.last >= end - self.delay]
        return peaks

    def _placed(self, peak: Peak) -> RPeak:
        """Put a confirmed peak onto the wave."""
        at, decided_at, confidence, confirmed = peak
        place = at
        if confirmed:
            # Counted from a place that the cutting into calls does not change: so much is lost in rounding.
            first = decided_at + 1 - _WAVE
            place = first + snap(self._signal.rows(first, first + _WAVE)[:, 0], at - first)
        return RPeak(place, at, decided_at, confidence, confirmed)

    def _ask(self, signal: FloatArray) -> Asking[tuple[FloatArray, FloatArray]]:
        """Run the network on whole frames, (1, 2, 1, n_samples), in the largest pieces that fit."""
        n_frames = signal.shape[-1] // FRAME
        if n_frames in _SIZES:
            answer = yield Question(self._stack, {"signal": signal}, frames=n_frames, state=self._network)
            return answer.rows("qrs")[0, :, 0], answer.rows("quality")[0, :, 0]
        pieces, at = [], 0
        for size in _SIZES:
            while n_frames - at >= size:
                piece = {"signal": signal[..., at * FRAME : (at + size) * FRAME]}
                answer = yield Question(self._stack, piece, frames=size, state=self._network)
                pieces.append((answer.rows("qrs")[0, :, 0].copy(), answer.rows("quality")[0, :, 0].copy()))
                at += size
        qrs, quality = zip(*pieces, strict=True)
        return np.concatenate(qrs, axis=1), np.concatenate(quality, axis=1)

    def quality(self, end: int) -> npt.NDArray[np.float64]:
        """Give the quality that the network sees in each lead over the last second before the grid sample `end`.

        `end` must not lie before the last call of `process`.
        """
        last = end // FRAME
        seen = self._quality.rows(max(last - QUALITY_FRAMES, 0), last)
        mean: npt.NDArray[np.float64] = seen.mean(axis=0, dtype=np.float64)
        return mean

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(
            _State(
                self._network.snapshot(),
                self._decoder.snapshot(),
                self._quality.snapshot(),
                self._barred,
            )
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._network.restore(s.network)
        self._decoder.restore(s.decoder)
        self._quality.restore(s.quality)
        self._barred = s.barred
