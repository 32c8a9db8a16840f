"""Shadow mode: a candidate model on the live data of a run, compared with the one at work, never sent.

It is a process of its own beside the run, with no way to publish: it begins at the worker's last snapshot as a
restarted worker would, listens to the same feeder without taking part in flow control, and to what the worker finds. It
asks for the CPU only where nobody else wants it (SCHED_IDLE); what it is too slow for is dropped and counted.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Self

import msgspec
import numpy as np
import zmq

from heartwire.engine.agreement import Agreement
from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.errors import ConfigError
from heartwire.engine.messages import (
    EcgChunk,
    EndOfStream,
    Gap,
    Item,
    Message,
    ModelChange,
    XrayFrame,
    number_of,
    size_of,
)
from heartwire.engine.plan import Plan
from heartwire.engine.shadow_report import Latency, ShadowReport, keep
from heartwire.engine.station import Station
from heartwire.engine.swap_desk import worker_of
from heartwire.engine.trace import samples_needed
from heartwire.engine.worker import Saved

_ITEMS = (EcgChunk, XrayFrame, Gap, EndOfStream)
_WAIT_MS = 100
_MOST_WAITING = 64
"""Items that may wait; older ones are dropped."""
_SETTLE_S = 20.0
"""How long after a finding its partner may still come."""
_MOST_TIMES = 10_000


def give_way() -> None:
    """Let this process run only where no other wants the CPU."""
    with suppress(OSError, AttributeError):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


class Shadow:
    """A candidate beside the processor of one stream of a run.

    Parameters
    ----------
    plan
        The run.
    stream
        The stream's id.
    setting, model
        The processor's setting that names the model, and the candidate.
    anew
        Begin without the state of the one at work; tensors may differ then.

    Raises
    ------
    ConfigError
        If the run has no such stream or model, or its worker has saved nothing yet.
    ModelError
        If the candidate is missing, damaged or does not fit.
    """

    def __init__(self, plan: Plan, stream: str, setting: str, model: str, *, anew: bool = False) -> None:
        worker = worker_of(plan, stream)
        try:
            saved = msgspec.msgpack.decode(plan.snapshot_path(stream).read_bytes(), type=Saved)
        except OSError:
            msg = f"{worker} has saved nothing of {stream} yet: begin again after {plan.config.engine.snapshot_s:g} s"
            raise ConfigError(msg) from None
        config, engine = plan.stream(stream), plan.config.engine
        self._station = Station(config, engine, lambda _: None, models=saved.models)
        position = saved.position
        if position is not None:
            self._station.restore(saved.station)
        self._names = {"running": self._station.name_of(setting)}
        self._station.switch(self._station.beside(setting, model, anew=anew), setting, model, anew=anew)
        self._names["candidate"] = self._station.name_of(setting)
        self._plan = plan
        self._setting = setting
        self._agreement = Agreement()
        self._items: deque[Item] = deque()
        self._counts = {"items": 0, "dropped": 0}
        self._times: dict[str, deque[float]] = {name: deque(maxlen=_MOST_TIMES) for name in ("running", "candidate")}
        self._notes: list[str] = []
        self._since = position.next_number or 0 if position else 0
        self._passed = {"running": 0, "candidate": 0}
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        start = None if position is None else {stream: position}
        feed = plan.feed_endpoint(stream)
        self._feed = Subscriber(feed, streams=[stream], start_from=start, context=self._context)
        self._found = Subscriber(plan.data_endpoint(worker), streams=[stream], context=self._context)
        self._inbox = Inbox([self._feed, self._found])
        self.ended = False

    def step(self) -> None:
        """Take what has come; work on one item where one waits."""
        for message in self._inbox.receive(0 if self._items else _WAIT_MS):
            if isinstance(message, _ITEMS) and not self._of_worker(message):
                self._items.append(message)
            else:
                self._compare("running", message)
        while len(self._items) > _MOST_WAITING:
            self._drop(self._items.popleft())
        if self._items:
            self._work(self._items.popleft())

    def _drop(self, item: Item) -> None:
        """Leave out what the candidate is too slow for, and of samples what it needs to find its way again."""
        self._counts["dropped"] += 1
        if isinstance(item, EcgChunk | XrayFrame):
            first = number_of(item)
            settle = round(_SETTLE_S * item.rate_hz) if isinstance(item, EcgChunk) else 0
            self._agreement.leave_out(first, first + size_of(item) + settle)

    def _of_worker(self, message: Message) -> bool:
        # The worker tells the end as well, under its own numbers, with a trace of its work.
        return isinstance(message, EndOfStream) and bool(message.trace.dequeued_ns)

    def _work(self, item: Item) -> None:
        self._counts["items"] += 1
        if isinstance(item, EcgChunk):
            self._agreement.rate_hz = item.rate_hz
        self._station.put(item)
        while self._station.waiting:
            begin_ns = time.monotonic_ns()
            found = self._station.work()
            if found:
                self._times["candidate"].append((time.monotonic_ns() - begin_ns) / 1e6)
            for message in found:
                self._compare("candidate", message)
        self.ended = isinstance(item, EndOfStream)

    def _compare(self, side: str, message: Message) -> None:
        if isinstance(message, ModelChange):
            self._notes.append(
                f"{message.setting} at work is {message.model} {message.version} from {message.first} on"
            )
        decided = getattr(message, "decision_sample", getattr(message, "frame", -1))
        if decided < self._since:
            return
        if side == "running":
            trace = message.trace
            if trace.decided_ns:
                self._times["running"].append((trace.decided_ns - trace.dequeued_ns) / 1e6)
            self._agreement.running(message)
        else:
            self._agreement.candidate(message)
        self._passed[side] = max(self._passed[side], decided)
        settle = round(_SETTLE_S * self._agreement.rate_hz)
        self._agreement.pass_by(min(self._passed.values()) - settle)

    def run(self, stop: Callable[[], bool], progress: Callable[[ShadowReport], None] = lambda _: None) -> ShadowReport:
        """Compare until the stream ends or `stop()` says so."""
        told_s = time.monotonic()
        while not stop() and not self.ended:
            self.step()
            if time.monotonic() - told_s > 1.0:
                told_s = time.monotonic()
                progress(self._told())
        return self._told()

    def _told(self) -> ShadowReport:
        report = self.report()
        with suppress(OSError):  # only the engineer's view reads it
            keep(self._plan, report)
        return report

    def report(self) -> ShadowReport:
        """Give the comparison so far; what may still find its partner is left out."""
        return ShadowReport(
            at_ms=round(time.time() * 1000),
            stream=self._station.stream,
            setting=self._setting,
            running=self._names["running"],
            candidate=self._names["candidate"],
            items=self._counts["items"],
            dropped=self._counts["dropped"],
            counts=self._agreement.counts,
            differences=self._agreement.differences,
            latency={name: _latency(times) for name, times in self._times.items() if times},
            notes=[*self._notes, *(f"candidate: {t.condition}: {t.reason}" for t in self._station.technical())],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the sockets."""
        self._feed.close()
        self._found.close()
        self._context.term()


def _latency(times_ms: deque[float]) -> Latency:
    p50, p99 = (round(float(p), 3) for p in np.percentile(list(times_ms), (50, 99)))
    return Latency(len(times_ms), p50, p99 if len(times_ms) >= samples_needed(99.0) else None)
