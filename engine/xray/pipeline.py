"""The X-ray processor: devices located in each frame, tracked, in px and mm, and their overlay judged by its age."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.errors import ConfigError
from heartwire.engine.inference import Model, shared
from heartwire.engine.messages import CatheterFix, Device, EcgChunk, EndOfStream, Finding, Gap, Item, Reason, XrayFrame
from heartwire.engine.processor import Processor
from heartwire.engine.providers import ProviderChoice
from heartwire.engine.xray import tracking
from heartwire.engine.xray.age import DEFAULT_BUDGET_MS, age_ms, judge
from heartwire.engine.xray.detection import Detection
from heartwire.engine.xray.frame_clock import FrameClock
from heartwire.engine.xray.history import History
from heartwire.engine.xray.localiser import Localiser
from heartwire.engine.xray.refinement import TIPS_MODEL_NAME


class XraySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table `settings` of an X-ray stream."""

    model: str = "xray-devices"
    provider: ProviderChoice = "auto"
    threads: int = min(2, os.cpu_count() or 1)
    """Two halve the time of a frame; more gain little."""
    tips_model: str = TIPS_MODEL_NAME
    age_budget_ms: float = DEFAULT_BUDGET_MS
    """An overlay older than this is not shown."""


class Locates(Protocol):
    """What finds the devices of a frame beside what came before, in three steps."""

    history: History
    tell_confidence: float

    def condition(self, frame: XrayFrame, at_s: float) -> None:
        """Take a frame and its time from the start of the stream.

        Raises
        ------
        FrameOverwritten
            If its pixels were written over meanwhile; nothing is kept of it.
        """

    def infer(self) -> Any:
        """Run the network on the frame taken last."""

    def decide(self, found: Any) -> Sequence[Detection]:
        """Turn the network's answer into devices in falling confidence."""


class XrayPipeline(Processor):
    """Frames in; catheter fixes and overlays out, both for the same frame.

    Parameters
    ----------
    stream
        The stream's id.
    localiser
        Finds the devices of a frame.
    age_budget_ms
        An overlay older than this is not shown.
    models
        The networks of the localiser, by the setting that names each.
    """

    algorithmic_delay_s = 0.0
    in_place = True

    def __init__(
        self,
        stream: str,
        localiser: Locates,
        *,
        age_budget_ms: float = DEFAULT_BUDGET_MS,
        models: Mapping[str, Model] | None = None,
    ) -> None:
        self.models = models or {}
        self.notes = [model.describe() for model in self.models.values()]
        self._localiser = localiser
        self._age_budget_ms = age_budget_ms
        self.alarms = self._board = AlarmBoard(stream)
        self._tracker = tracking.Tracker(self._localiser.tell_confidence)
        self._clock = FrameClock()

    def process(self, item: Item) -> Iterable[Finding]:
        """Take the next item; a frame gives a fix and its overlay at once, missing frames a technical alarm."""
        match item:
            case XrayFrame():
                return self._frame(item)
            case Gap():
                last = item.first + item.count - 1
                missing: Reason = {"missing_frames": item.count}
                return self._board.begin("GAP", item.first, last, 0.0, missing)
            case EcgChunk() | EndOfStream():
                return []
        msg = f"an X-ray processor takes items, not {type(item).__name__}"
        raise TypeError(msg)

    def _frame(self, frame: XrayFrame) -> Iterator[Finding]:
        now_s = self._clock.at_s(frame)
        self._localiser.condition(frame, now_s)
        frame.trace.conditioned_ns = time.monotonic_ns()
        yield from self._board.advance(frame.frame, now_s)
        yield from self._board.end("GAP", frame.frame, 0.0, {"rule": "frames again"})
        found = self._localiser.infer()
        frame.trace.inferred_ns = time.monotonic_ns()
        detections = self._localiser.decide(found)
        devices = self._tracker.update(detections, now_s, frame.pixels.shape)
        for device in devices:
            device.tip_mm = _in_mm(device, frame.spacing_mm)
        fix = CatheterFix(
            stream=frame.stream,
            frame=frame.frame,
            captured_ns=frame.captured_ns,
            devices=devices,
            spacing_plane=frame.spacing_plane,
            projection=frame.projection,
        )
        yield fix
        speed_mm_s = max(frame.spacing_mm) * self._tracker.speed_px_s() if frame.spacing_mm else None
        yield judge(fix, age_ms(frame.trace, time.monotonic_ns()), self._age_budget_ms, speed_mm_s)

    def reset(self) -> None:
        """Return to the state of a fresh processor."""
        self._tracker = tracking.Tracker(self._localiser.tell_confidence)
        self._clock = FrameClock()
        self._localiser.history.forget()
        self._board.reset()

    def snapshot(self) -> bytes:
        """Give the whole state."""
        parts = self._tracker.snapshot(), self._localiser.history.snapshot(), self._board.snapshot()
        return msgspec.msgpack.encode((*parts, self._clock))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        kept = msgspec.msgpack.decode(state, type=tuple[bytes, bytes, bytes, FrameClock])
        tracker, history, alarms, self._clock = kept
        self._tracker.restore(tracker)
        self._localiser.history.restore(history)
        self._board.restore(alarms)


def _in_mm(device: Device, spacing_mm: tuple[float, float] | None) -> tuple[float, float] | None:
    if device.tip_px is None or spacing_mm is None:
        return None
    return device.tip_px[0] * spacing_mm[1], device.tip_px[1] * spacing_mm[0]


def create(stream: str, settings: Mapping[str, Any]) -> XrayPipeline:
    """Make the processor of an X-ray stream.

    Parameters
    ----------
    stream
        The stream's id.
    settings
        The fields of `XraySettings`.

    Raises
    ------
    ConfigError
        If a setting is wrong.
    ModelError
        If the model is missing or damaged.
    """
    try:
        chosen = msgspec.convert(dict(settings), XraySettings)
    except msgspec.ValidationError as error:
        msg = f"stream {stream!r}, settings of its X-ray processor: {error}"
        raise ConfigError(msg) from None
    tracking.warm_up()
    model = shared(chosen.model, chosen.provider, chosen.threads)
    tips = shared(chosen.tips_model, "cpu", 1)
    models = {"model": model, "tips_model": tips}
    return XrayPipeline(stream, Localiser(model, tips), age_budget_ms=chosen.age_budget_ms, models=models)
