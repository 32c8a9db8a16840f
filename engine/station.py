"""One stream's place in a worker: its queue, its host, and the technical conditions that only a worker can see."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from heartwire.engine import registry
from heartwire.engine.alarms.inactivation import AlarmTimes
from heartwire.engine.alarms.limits import changed
from heartwire.engine.alarms.strips import Strip, StripRecorder
from heartwire.engine.alarms.technical import Technical
from heartwire.engine.clock import DeviceClock, sample_time_ns
from heartwire.engine.config import EngineConfig, StreamConfig
from heartwire.engine.errors import CommandRefused, ConfigError, ModelError, ProcessorError
from heartwire.engine.flow import FreshestQueue, LosslessQueue
from heartwire.engine.host import StreamHost
from heartwire.engine.messages import (
    HOST_CLOCK,
    AlarmCommand,
    AlarmEvent,
    EcgChunk,
    EndOfStream,
    Finding,
    Gap,
    Item,
    LedgerReport,
    ModelChange,
    Reason,
    Trace,
    XrayFrame,
    number_of,
    size_of,
)
from heartwire.engine.numbering import Numbering
from heartwire.engine.processor import Processor
from heartwire.engine.stacking import Asking, alone
from heartwire.engine.warmth import Warmth
from heartwire.models.catalogue import check_alike, model_path, verify

Published: TypeAlias = Finding | EndOfStream
"""What a station gives."""

_QUEUE = 4096
_AT_ONCE = 8
"""Most messages of a stream that are processed at once."""
_OVERLOAD_S = 1.0
"""A paced item that comes to be processed later than this is the alarm OVERLOAD; it ends at half of it."""


class Station:
    """Takes the items of one stream as they come and gives what is to be published.

    Parameters
    ----------
    config
        The stream.
    engine
        The engine's settings.
    tell
        Takes technical conditions as they change.
    times
        The times of the alarm system.
    models
        Models that were swapped in before a restart, by the setting that names each.
    """

    def __init__(
        self,
        config: StreamConfig,
        engine: EngineConfig,
        tell: Callable[[Technical], None],
        times: AlarmTimes | None = None,
        models: Mapping[str, str] | None = None,
    ) -> None:
        self.stream = config.id
        self.models = dict(models or {})
        """Models that were swapped in, by the setting that names each."""
        self._config = config
        self._stale_after_ns = round(engine.stale_after_s * 1e9)
        self._tell = tell
        self._technical: dict[str, Technical] = {}
        self._strips = StripRecorder()
        self._rate_hz = 0.0
        self._heard_ns = 0
        self._in_queue = 0
        self._joined = False
        self._clock = DeviceClock()
        self._numbering = Numbering()
        self._items: LosslessQueue[Item] = LosslessQueue(_QUEUE)
        self._frames = FreshestQueue(config.age_budget_ms) if config.freshest_first else None
        self.warmth: Warmth | None = None
        """What keeps its models warm, if that is wanted."""
        settings = dict(config.settings)
        if engine.threads:
            settings.setdefault("threads", engine.threads)
        if engine.provider != "auto":
            settings.setdefault("provider", engine.provider)
        if self._frames is not None:
            settings.setdefault("age_budget_ms", config.age_budget_ms)
        self._settings = settings
        self._times = times
        try:
            processor = self._processor(self.models)
        except ModelError as error:
            self._host = StreamHost(config.id, None)
            self.notes = [f"{config.id}: technical alarm MODEL: {error}"]
            self._begin("MODEL", {"rule": "a model that the stream needs cannot be loaded", "error": str(error)})
        else:
            self._host = StreamHost(config.id, processor)
            self.notes = list(processor.notes)

    def _processor(self, models: Mapping[str, str]) -> Processor:
        processor = registry.processor(self._config.processor_kind, self.stream, {**self._settings, **models})
        if processor.alarms is not None and self._times is not None:
            processor.alarms.times = self._times
        return processor

    def has(self, setting: str) -> bool:
        """Tell whether the processor at work has a model of that name."""
        return setting in self._host.models

    def name_of(self, setting: str) -> str:
        """Name a model of the processor at work, with its version."""
        model = self._host.models.get(setting)
        return f"{model.card.name} {model.card.version}" if model else "none"

    def beside(self, setting: str, model: str, *, anew: bool) -> Processor:
        """Make a processor with another model beside the one at work, in any thread.

        Raises
        ------
        ModelError
            If the model does not fit: its tensors must be those of the one at work, unless it begins `anew`.
        ConfigError
            If the processor has no such setting.
        """
        running = self._host.models
        if running and setting not in running:
            msg = f"{self.stream}: no model {setting!r}: it has {', '.join(running)}"
            raise ConfigError(msg)
        if running and not anew:
            check_alike(running[setting].card, verify(model_path(model)))
        return self._processor({**self.models, setting: model})

    def switch(self, processor: Processor, setting: str, model: str, *, anew: bool) -> ModelChange:
        """Go on with a processor made by `beside` from the next item on; give what is to be told of it."""
        anew = anew or not self._host.models
        self._host.take_over(processor, anew=anew)
        self.models[setting] = model
        self._end("MODEL")
        card = processor.models[setting].card
        return ModelChange(
            stream=self.stream,
            setting=setting,
            model=card.name,
            version=card.version,
            sha256=card.sha256,
            first=self._host.next_number,
            state="anew" if anew else "handed over",
            changed_ns=time.monotonic_ns(),
        )

    def _begin(self, code: str, reason: Reason) -> None:
        if code not in self._technical:
            found = Technical(self.stream, code, True, self._last_number, self._rate_hz, reason)
            self._technical[code] = found
            self._tell(found)

    def _end(self, code: str) -> None:
        if code in self._technical:
            del self._technical[code]
            self._tell(Technical(self.stream, code, False, self._last_number, self._rate_hz))

    def technical(self) -> list[Technical]:
        """Give the technical conditions that hold now."""
        return list(self._technical.values())

    @property
    def _last_number(self) -> int:
        return max(0, self._host.next_number - 1)

    @property
    def ended(self) -> bool:
        """Whether the stream has been processed to its end."""
        return self._host.ended

    @property
    def endless(self) -> bool:
        """Whether only this side can end the stream: a device of its own may never do so."""
        return bool(self._config.connect)

    @property
    def waiting(self) -> bool:
        """Whether there is something to work on."""
        return bool(self._items) or bool(self._frames)

    @property
    def full(self) -> bool:
        """Whether no more may be read for now."""
        return self._items.full

    @property
    def in_place(self) -> bool:
        """Whether frames may stay in shared memory until they are processed: no more than one waits."""
        return self._frames is not None and self._host.in_place

    @property
    def position(self) -> tuple[int, int]:
        """Sequence number of the last item processed (-1: none) and the device's next sample or frame number."""
        return self._host.last_seq, max(0, self._host.next_number - self._numbering.shift)

    def put(self, item: Item) -> None:
        """Take an item from the bus."""
        self._heard_ns = time.monotonic_ns()
        self._end("STALE")
        jump = self._numbering.renumber(item)
        if isinstance(item, EcgChunk | XrayFrame) and item.clock != HOST_CLOCK:
            jump = self._map_clock(item) or jump
        if jump:
            self._begin("CLOCK", {"rule": jump})
        elif size_of(item):
            self._end("CLOCK")
        if isinstance(item, Gap) and not item.count:
            return
        self._join(item)
        self._in_queue += size_of(item)
        if self._frames is not None and isinstance(item, XrayFrame):
            self._drop(self._frames.put(item))
        else:
            self._items.put(item)

    def _join(self, item: Item) -> None:
        """Let the account begin with the first item of a device that counts from before this run."""
        if self._config.connect and not self._joined:
            self._host.ledger.begins_at(item.offered if isinstance(item, EndOfStream) else number_of(item))
        self._joined = True

    def _map_clock(self, item: EcgChunk | XrayFrame) -> str:
        """Bring the times of a device with a clock of its own onto the engine's; say if that clock jumped."""
        match item:
            case EcgChunk():
                device_ns = sample_time_ns(item.end_sample, item.rate_hz)
            case XrayFrame():
                device_ns = item.captured_ns
        mapped = self._clock.map(device_ns, item.trace.received_ns)
        # Whatever stamps the device set are times of its own clock.
        item.trace = Trace(intended_ns=mapped.captured_ns, received_ns=item.trace.received_ns)
        item.captured_ns = mapped.captured_ns
        return f"the device clock jumped by {mapped.jump.jump_s:.3f} s" if mapped.jump else ""

    def _drop(self, gone: list[tuple[XrayFrame, str]]) -> None:
        for frame, cause in gone:
            self._in_queue -= 1
            self._host.drop(frame, cause)

    def work(self) -> list[Published]:
        """Process what waits, alone; give what it brings."""
        return alone(self.asking())

    def asking(self, up_to_seq: int | None = None) -> Asking[list[Published]]:
        """Process what waits, while other streams process theirs; give what it brings.

        Of samples all that waits is taken at once: a stream that is behind catches up the sooner.

        Parameters
        ----------
        up_to_seq
            Take no item after this one, if it is still to come.
        """
        items = self._next(up_to_seq)
        if not items:
            return []
        self._in_queue -= sum(map(size_of, items))
        if self.warmth is not None and isinstance(items[-1], EcgChunk | XrayFrame):
            self.warmth.note(items[-1], time.monotonic_ns())
        self._rate_hz = getattr(items[0], "rate_hz", self._rate_hz)
        self._watch_load(items[0])
        return (yield from self._handle(items))

    def _handle(self, items: list[Item]) -> Asking[list[Published]]:
        published: list[Published] = []
        for item in items:
            if isinstance(item, EcgChunk):
                self._strips.take(item)
        try:
            published += yield from self._host.asking(items)
        except ProcessorError as error:
            published += error.findings
            self._begin(
                "PROCESSOR", {"rule": "the processor raised and was put back to its snapshot", "error": str(error)}
            )
        else:
            if any(map(size_of, items)):
                self._end("PROCESSOR")
        item = items[-1]
        if isinstance(item, EndOfStream):
            published.append(msgspec.structs.replace(item))
        for finding in published:
            self._strips.note(finding)
        return published

    def share(self, n_streams: int, *, keep_warm: bool) -> None:
        """Make ready for so many streams that are processed side by side, and to `keep_warm`."""
        self._host.share(n_streams)
        if keep_warm and "MODEL" not in self._technical:
            self.warmth = Warmth(self._processor(self.models), self.stream)

    def strip(self, message: Published) -> Strip | None:
        """Give the strip of an alarm of an ECG stream that begins; None for everything else."""
        if isinstance(message, AlarmEvent) and message.change == "on":
            return self._strips.cut(message.decision_sample)
        return None

    def command(self, command: AlarmCommand) -> list[Published]:
        """Carry out a command to the alarms of the signal; give it as carried out, and the changes that it brings.

        Raises
        ------
        CommandRefused
            If it is not valid here and now.
        """
        if (alarms := self._host.alarms) is None:
            msg = f"{self.stream}: its processor has no alarms"
            raise CommandRefused(msg)
        changes = alarms.command(command)
        return [msgspec.structs.replace(command, after_seq=self._host.last_seq, trace=Trace()), *changes]

    def stand(self, events: Sequence[AlarmEvent]) -> list[Published]:
        """Take back what stood before a restart of the run; give it as it is told again."""
        alarms = self._host.alarms
        return [] if alarms is None else list(alarms.stand(events))

    def change_limits(self, changes: dict[str, float]) -> None:
        """Take back the limits that commands had changed before a restart of the run.

        Raises
        ------
        CommandRefused
            If they do not go with those of the configuration now.
        """
        alarms = self._host.alarms
        if changes and alarms is not None and alarms.limits is not None:
            alarms.limits = changed(alarms.limits, changes)

    def _next(self, up_to_seq: int | None) -> list[Item]:
        # A gap lies before the newest frame, the end after it.
        if self._frames and (self._items.head is None or isinstance(self._items.head, EndOfStream)):
            frame, gone = self._frames.take(time.monotonic_ns())
            self._drop(gone)
            if frame is not None:
                return [frame]
        first = self._items.take()
        if first is None:
            return []
        items = [first]
        while (
            isinstance(items[-1], EcgChunk)
            and isinstance(head := self._items.head, EcgChunk)
            and len(items) < _AT_ONCE
            and items[-1].seq != up_to_seq
        ):
            self._items.take()
            items.append(head)
        return items

    def _watch_load(self, item: Item) -> None:
        if not (intended_ns := item.trace.intended_ns):
            return
        late_s = (time.monotonic_ns() - intended_ns) * 1e-9
        if late_s > _OVERLOAD_S:
            self._begin(
                "OVERLOAD", {"rule": f"an item waited longer than {_OVERLOAD_S:g} s", "late_s": round(late_s, 3)}
            )
        elif late_s < _OVERLOAD_S / 2:
            self._end("OVERLOAD")

    def expect(self) -> None:
        """Take it that the stream sends from now on."""
        self._heard_ns = self._heard_ns or time.monotonic_ns()

    def failed(self, error: Exception) -> None:
        """Tell that something the processor found cannot be sent."""
        self._begin("PROCESSOR", {"rule": "the processor gave what is no valid message", "error": str(error)})

    def watch(self, now_ns: int) -> None:
        """Raise STALE where a paced stream has been silent too long."""
        silent_ns = now_ns - self._heard_ns
        if self._config.paced and self._heard_ns and not self.ended and silent_ns > self._stale_after_ns:
            limit_s = self._stale_after_ns * 1e-9
            self._begin("STALE", {"rule": f"nothing came for {limit_s:g} s", "silent_s": round(silent_ns * 1e-9, 3)})

    def finish(self) -> list[Published]:
        """End the stream from this side, where its source will not."""
        if self.ended:
            return []
        end = EndOfStream(stream=self.stream, offered=self._host.next_number, seq=self._host.last_seq)
        return alone(self._handle([end]))

    def report(self) -> LedgerReport:
        """Give the account; what waits in the queue is in flight."""
        report = self._host.ledger.report(final=self.ended)
        return msgspec.structs.replace(
            report, offered=report.offered + self._in_queue, in_flight=report.in_flight + self._in_queue
        )

    def snapshot(self) -> bytes:
        """Give the state from which the stream goes on after the last item processed."""
        return msgspec.msgpack.encode((self._numbering.shift, self.technical(), self._host.snapshot()))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._numbering.shift, technical, host = msgspec.msgpack.decode(state, type=tuple[int, list[Technical], bytes])
        # Whether the model is there was found out just now.
        self._technical |= {found.condition: found for found in technical if found.condition != "MODEL"}
        self._host.restore(host)
        self._numbering.next_number = self._host.next_number
        self._joined = self._host.next_number > 0
