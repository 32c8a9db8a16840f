"""The processor `onnx-ecg`: a classifier of somebody's own on windows of an ECG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
from scipy import signal

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.classify.hosted import Hosted
from heartwire.engine.classify.settings import read_settings
from heartwire.engine.classify.telling import Telling
from heartwire.engine.classify.windows import Window, Windows
from heartwire.engine.errors import ModelError
from heartwire.engine.messages import EcgChunk, EndOfStream, Finding, FloatArray, Gap, Item, Reason
from heartwire.engine.processor import Processor
from heartwire.models.classifiers import EcgClassifier

_SLOWEST_HZ = 100.0
_LARGEST_FACTOR = 1000
_LEAST_MV = 1e-6


class _Line(msgspec.Struct):
    """The signal as it comes: changes of it begin the windows anew."""

    rate_hz: float
    leads: tuple[str, ...]


class _State(msgspec.Struct):
    line: _Line | None
    windows: bytes
    telling: bytes
    board: bytes


class EcgClassifying(Processor):
    """Samples in; a `Classification` a window and, where the card says so, advisory alarms out.

    Windows are cut at the stream's own rate, at sample numbers that are multiples of the hop; each is resampled
    (polyphase, Kaiser window) and filtered by itself, so that messages of any length give the same. A window with
    missing or invalid samples is not judged.

    Parameters
    ----------
    stream
        The stream's id.
    hosted
        The classifier.
    """

    def __init__(self, stream: str, hosted: Hosted[EcgClassifier]) -> None:
        self.models = {"model": hosted.model}
        self.notes = [hosted.model.describe()]
        self._hosted = hosted
        self._card = card = hosted.described
        self._n_samples = self._check_shape()
        self.window_s = self._n_samples / card.rate_hz
        # Window and hops come to whole samples of the stream.
        slack_s = (1 + card.hold) / _SLOWEST_HZ
        self.algorithmic_delay_s = self.window_s + (card.hold - 1) * card.hop_s + slack_s
        self.alarms = self._board = AlarmBoard(stream)
        self._telling = Telling(stream, hosted, self._board)
        self._sos = self._band()
        self._line: _Line | None = None
        self._windows = Windows(1, 1, len(card.leads))

    def _check_shape(self) -> int:
        shape, n_leads = self._hosted.shape, len(self._card.leads)
        sides = shape if self._card.layout == "leads-first" else shape[::-1]
        if int(np.prod(sides[:-1])) != n_leads:
            why = f"{[1, *shape]} does not hold {n_leads} leads, {self._card.layout}"
            self._hosted.refuse(why, f"inputs.{self._hosted.input_name}")
        return sides[-1]

    def _band(self) -> Any:
        band = self._card.band_hz
        if band is None:
            return None
        if not band[0] < band[1] < self._card.rate_hz / 2:
            self._hosted.refuse(
                f"{list(band)}: expected two rising frequencies below half of rate_hz", "classify.band_hz"
            )
        return signal.butter(2, band, "bandpass", fs=self._card.rate_hz, output="sos")

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item; give what the windows it completes bring."""
        match item:
            case EcgChunk():
                return self._chunk(item)
            case Gap():
                return self._gap(item.first, item.count)
            case EndOfStream():
                return []
        msg = f"an ECG classifier takes items of an ECG, not {type(item).__name__}"
        raise TypeError(msg)

    def _chunk(self, chunk: EcgChunk) -> Iterator[Finding]:
        if self._line is None or (chunk.rate_hz, chunk.leads) != (self._line.rate_hz, self._line.leads):
            self._begin(chunk)
        elif chunk.first_sample > self._windows.end:
            yield from self._gap(self._windows.end, chunk.first_sample - self._windows.end)
        elif chunk.first_sample < self._windows.end:
            self._begin(chunk)
        samples = chunk.samples[:, [chunk.leads.index(lead) for lead in self._card.leads]]
        for window in self._windows.push(np.asarray(samples, np.float32)):
            yield from self._judge(window, chunk.rate_hz)

    def _begin(self, chunk: EcgChunk) -> None:
        if absent := [lead for lead in self._card.leads if lead not in chunk.leads]:
            name = self._hosted.model.card.name
            msg = f"model {name} needs lead {', '.join(absent)}: there are {', '.join(chunk.leads)}"
            raise ModelError(msg)
        length = round(self.window_s * chunk.rate_hz)
        hop = max(1, round(self._card.hop_s * chunk.rate_hz))
        self._line = _Line(chunk.rate_hz, chunk.leads)
        self._windows = Windows(length, hop, len(self._card.leads))
        self._windows.begin_at(chunk.first_sample)
        self._telling.interrupt()

    def _gap(self, first: int, count: int) -> Iterator[Finding]:
        if self._line is None or count <= 0:
            return
        self._windows.begin_at(first + count)
        self._telling.interrupt()
        missing: Reason = {"missing_samples": count}
        yield from self._board.begin("GAP", first, first + count - 1, self._line.rate_hz, missing)

    def _judge(self, window: Window, rate_hz: float) -> Iterator[Finding]:
        last = window.first + len(window.samples) - 1
        yield from self._board.advance(last, (last + 1) / rate_hz)
        yield from self._board.end("GAP", last, rate_hz, {"rule": "a whole window again"})
        if not np.isfinite(window.samples).all():
            self._telling.interrupt()
            return
        ready = self._prepared(window.samples, rate_hz)
        self._hosted.input[...] = (ready.T if self._card.layout == "leads-first" else ready).reshape(self._hosted.shape)
        yield from self._telling.take(window.first, last, rate_hz, self._hosted.probabilities())

    def _prepared(self, samples: FloatArray, rate_hz: float) -> FloatArray:
        """Bring a window (n, n_leads) in mV to the network's rate, band and scale."""
        ratio = Fraction(self._card.rate_hz / rate_hz).limit_denominator(_LARGEST_FACTOR)
        ready = np.asarray(samples, np.float64)
        if ratio != 1:
            ready = signal.resample_poly(ready, ratio.numerator, ratio.denominator, axis=0, padtype="line")
        if self._sos is not None:
            ready = signal.sosfiltfilt(self._sos, ready, axis=0, padlen=min(3 * self._n_samples // 4, len(ready) - 1))
        ready = ready[: self._n_samples]
        if (short := self._n_samples - len(ready)) > 0:
            ready = np.concatenate((ready, np.repeat(ready[-1:], short, axis=0)))
        if self._card.normalise == "window":
            ready = (ready - ready.mean(axis=0)) / (ready.std(axis=0) + _LEAST_MV)
        else:
            ready = ready / self._card.unit_mv
        return ready.astype(np.float32)

    def reset(self) -> None:
        """Return to the state of a fresh processor."""
        self._line = None
        self._windows.begin_at(0)
        self._telling.reset()
        self._board.reset()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        windows, telling, board = self._windows.snapshot(), self._telling.snapshot(), self._board.snapshot()
        return msgspec.msgpack.encode(_State(self._line, windows, telling, board))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._line = s.line
        if s.line is not None:
            length, hop = round(self.window_s * s.line.rate_hz), max(1, round(self._card.hop_s * s.line.rate_hz))
            self._windows = Windows(length, hop, len(self._card.leads))
        self._windows.restore(s.windows)
        self._telling.restore(s.telling)
        self._board.restore(s.board)


def create(stream: str, settings: Mapping[str, Any]) -> EcgClassifying:
    """Make the processor of a stream, warmed.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    ModelError
        If the model or its card is missing, damaged or says what cannot be.
    """
    chosen = read_settings(stream, settings)
    processor = EcgClassifying(stream, Hosted(chosen.model, EcgClassifier, chosen.provider, chosen.threads))
    leads = tuple(processor._card.leads)
    samples = np.zeros((round((processor.window_s + 1.0) * 250), len(leads)), np.float32)
    list(processor.process(EcgChunk(stream=stream, first_sample=0, rate_hz=250.0, leads=leads, samples=samples)))
    processor.reset()
    return processor
