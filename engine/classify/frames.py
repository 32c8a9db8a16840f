"""The processor `onnx-frames`: a classifier of somebody's own on frames."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import cv2
import msgspec
import numpy as np

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.classify.hosted import Hosted
from heartwire.engine.classify.settings import read_settings
from heartwire.engine.classify.telling import Telling
from heartwire.engine.messages import EndOfStream, Finding, FloatArray, Gap, Item, XrayFrame
from heartwire.engine.processor import Processor
from heartwire.engine.xray.frame_clock import FrameClock
from heartwire.models.classifiers import FrameClassifier


class _State(msgspec.Struct):
    telling: bytes
    board: bytes
    clock: FrameClock


class FrameClassifying(Processor):
    """Frames in; a `Classification` a frame and, where the card says so, advisory alarms out.

    Parameters
    ----------
    stream
        The stream's id.
    hosted
        The classifier.
    """

    def __init__(self, stream: str, hosted: Hosted[FrameClassifier]) -> None:
        self.models = {"model": hosted.model}
        self.notes = [hosted.model.describe()]
        self._hosted = hosted
        self._card = card = hosted.described
        # At one frame a second; faster ones come sooner.
        self.algorithmic_delay_s = float((card.hold - 1) * card.every)
        self.alarms = self._board = AlarmBoard(stream)
        self._telling = Telling(stream, hosted, self._board)
        self._clock = FrameClock()
        shape = hosted.shape
        if len(shape) != 3:
            hosted.refuse(f"{[1, *shape]}: expected batch, channels, height, width", f"inputs.{hosted.input_name}")
        channels_last = shape if card.layout == "channels-last" else (shape[1], shape[2], shape[0])
        self._height, self._width, n_channels = channels_last
        for field, values in (("mean", card.mean), ("deviation", card.deviation)):
            if len(values) not in (1, n_channels):
                hosted.refuse(f"{len(values)} numbers for {n_channels} channels", f"classify.{field}")
        self._image: FloatArray = np.zeros((self._height, self._width), np.float32)
        sides = (1, 1, n_channels) if card.layout == "channels-last" else (n_channels, 1, 1)
        self._mean = np.broadcast_to(np.asarray(card.mean, np.float32), n_channels).reshape(sides)
        self._deviation = np.broadcast_to(np.asarray(card.deviation, np.float32), n_channels).reshape(sides)

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item; a frame gives its classification at once."""
        match item:
            case XrayFrame():
                return self._frame(item)
            case Gap():
                self._telling.interrupt()
                last = item.first + item.count - 1
                return self._board.begin("GAP", item.first, last, 0.0, {"missing_frames": item.count})
            case EndOfStream():
                return []
        msg = f"a classifier of frames takes frames, not {type(item).__name__}"
        raise TypeError(msg)

    def _frame(self, frame: XrayFrame) -> Iterator[Finding]:
        yield from self._board.advance(frame.frame, self._clock.at_s(frame))
        yield from self._board.end("GAP", frame.frame, 0.0, {"rule": "frames again"})
        if frame.frame % self._card.every:
            return
        self._fill(frame)
        frame.trace.conditioned_ns = time.monotonic_ns()
        probabilities = self._hosted.probabilities()
        frame.trace.inferred_ns = time.monotonic_ns()
        yield from self._telling.take(frame.frame, frame.frame, frame.rate_hz, probabilities)

    def _fill(self, frame: XrayFrame) -> None:
        """Bring a frame to the network's input."""
        height, width = frame.pixels.shape
        inner = self._height, self._width
        if self._card.fit == "pad":
            scale = min(self._height / height, self._width / width)
            inner = max(1, round(height * scale)), max(1, round(width * scale))
        how = cv2.INTER_AREA if inner[0] < height else cv2.INTER_LINEAR
        image = frame.pixels.astype(np.float32) / np.float32(2**frame.bits - 1)
        if self._card.invert:
            image = 1.0 - image
        self._image[...] = 0.0
        self._image[: inner[0], : inner[1]] = cv2.resize(image, inner[::-1], interpolation=how)
        grey = self._image[..., None] if self._card.layout == "channels-last" else self._image[None]
        np.divide(grey - self._mean, self._deviation, out=self._hosted.input)

    def reset(self) -> None:
        """Return to the state of a fresh processor."""
        self._clock = FrameClock()
        self._telling.reset()
        self._board.reset()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self._telling.snapshot(), self._board.snapshot(), self._clock))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._telling.restore(s.telling)
        self._board.restore(s.board)
        self._clock = s.clock


def create(stream: str, settings: Mapping[str, Any]) -> FrameClassifying:
    """Make the processor of a stream.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    ModelError
        If the model or its card is missing, damaged or says what cannot be.
    """
    chosen = read_settings(stream, settings)
    return FrameClassifying(stream, Hosted(chosen.model, FrameClassifier, chosen.provider, chosen.threads))
