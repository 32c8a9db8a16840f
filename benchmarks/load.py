"""The load of a benchmark: an independent process that speaks the wire format and logs when each item was due and sent.

Run as `python -m heartwire.benchmarks.load FOLDER`. It is the same for heartwire and for anybody else's pipeline. In an
open loop each item has an intended time, counted from one common start; a load that is late itself does not move it.
"""

from __future__ import annotations

import gc
import heapq
import select
import sys
import time
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from heartwire.benchmarks.faulty import FaultyPublisher
from heartwire.benchmarks.workload import StreamLoad, Workload, streams
from heartwire.engine.bus import Publisher
from heartwire.engine.collecting import IdleCollector
from heartwire.engine.errors import HeartwireError
from heartwire.engine.messages import EcgChunk, EndOfStream, XrayFrame
from heartwire.engine.process import wake_in_time
from heartwire.engine.wire import encode

ORDER_FILE, LOG_FILE = "load.json", "load.log"
MODULE = "heartwire.benchmarks.load"
_COLLECT_NS = 3_000_000
_MANY_HZ = 1000.0
_REST_NS = 1_000_000
"""How long it sleeps at least where more items than that are due in a second: some leave late by that, together."""
_AWAKE_NS = 5_000_000
"""In a closed loop it is awake so long before it sends: what a cold load costs is not the pipeline's."""
_NAP_S = 2e-4
_AHEAD_NS = 300_000_000
"""How long after the order to go the first item is due."""
_WINDOW = 64
_RING_BYTES = 256 * 1024 * 1024
_ACKNOWLEDGED_S = 10.0
"""How long one item may take in a closed loop."""
_JOIN_S = 5.0
_STEP_NS = 3_600_000_000_000
_DEVICE = "bench-device"
_SPARED = 5
"""So many messages at either end of a stream are never lost on purpose: neither could be told from a late start."""

Fault = Literal["none", "lost-by-device", "lost-on-the-way", "reordered", "disconnect", "clock-step"]


class Phase(NamedTuple):
    """A part of a closed loop: so many items of each stream, one every so often (0: at once)."""

    interval_s: float
    items: int

    @property
    def name(self) -> str:
        """What a reader calls it."""
        return f"{1 / self.interval_s:g} Hz" if self.interval_s else "continuous"


class Drive(msgspec.Struct, kw_only=True, frozen=True):
    """How the load is driven."""

    pace: Literal["paced", "closed", "free"] = "paced"
    """Open loop at the device's pace; one item in flight; or as fast as it is processed."""
    phases: tuple[Phase, ...] = ()
    """Closed: how long it idles between items; none: all items without a pause."""
    stall_s: float = 0.0
    """Paced: nothing is sent for so long, then all that is due at once ..."""
    stall_every_s: float = 5.0
    """... again and again."""
    fault: Fault = "none"
    share: Annotated[float, Meta(ge=0, lt=1)] = 0.05
    """Of messages lost or reordered."""
    outage_s: float = 2.0


class LoadOrder(msgspec.Struct, kw_only=True):
    """What the process is told."""

    workload: Workload
    drive: Drive
    endpoint: str
    tapes: dict[str, list[str]]
    leads: tuple[str, ...]


class StreamLog(msgspec.Struct):
    """One stream's items: int64 arrays as bytes, one value an item that was sent or kept back on purpose.

    `ends` is the number after an item's last sample or frame; `sent_ns` is 0 where it was kept back, `acked_ns` where
    nobody waited for it.
    """

    kind: str
    offered: int
    ends: bytes
    intended_ns: bytes
    sent_ns: bytes
    acked_ns: bytes


class LoadLog(msgspec.Struct):
    """What was sent, and when."""

    start_ns: int
    end_ns: int
    streams: dict[str, StreamLog]


class _Feed:
    """One stream on its way."""

    def __init__(self, load: StreamLoad, most: int) -> None:
        self.load = load
        self.items = min(load.items, most) if most else load.items
        self.ends = np.zeros(self.items, np.int64)
        self.times = np.zeros((3, self.items), np.int64)
        self.next = 0
        self._item: EcgChunk | XrayFrame | None = None

    def peek(self) -> EcgChunk | XrayFrame:
        """Give the next item."""
        if self._item is None:
            self._item = self.load.item(self.next)
        return self._item

    def sent(self, end: int, intended_ns: int, sent_ns: int) -> None:
        """Log the next item and go on to the one after it."""
        self.ends[self.next] = end
        self.times[:2, self.next] = intended_ns, sent_ns
        self.next += 1
        self._item = None

    @property
    def offered(self) -> int:
        return int(self.ends[self.next - 1]) if self.next else 0

    def log(self) -> StreamLog:
        arrays = (array[: self.next].tobytes() for array in (self.ends, *self.times))
        return StreamLog(self.load.kind, self.offered, *arrays)


class Load:
    """The process's work.

    Parameters
    ----------
    order
        What it was told.
    """

    def __init__(self, order: LoadOrder) -> None:
        self._drive = order.drive
        self._endpoint = order.endpoint
        most = sum(phase.items for phase in order.drive.phases)
        self._feeds = [_Feed(load, most) for load in streams(order.workload, order.tapes, order.leads)]
        self._rng = np.random.default_rng(order.workload.seed)
        self._end_s = order.workload.seconds
        self._publisher = self._open()
        self._start_ns = self._woken_ns = 0
        many = sum(feed.items for feed in self._feeds) > _MANY_HZ * self._end_s
        self._rest_ns = _REST_NS if many else 0

    def _open(self, epoch: int | None = None) -> Publisher:
        drive = self._drive
        return FaultyPublisher(
            self._endpoint,
            fault=drive.fault,
            share=drive.share,
            epoch=epoch,
            ring_bytes=_RING_BYTES,
            window=_WINDOW if drive.pace == "free" else None,
        )

    def serve(self, timeout_ms: float) -> None:
        """Answer who wants something again."""
        self._publisher.serve(timeout_ms)

    def run(self) -> LoadLog:
        """Send everything; give the log.

        Raises
        ------
        HeartwireError
            In a closed loop, if the pipeline does not acknowledge.
        """
        self._collector = IdleCollector()
        self._start_ns = time.monotonic_ns() + _AHEAD_NS
        if self._drive.pace == "paced":
            self._run_paced()
        else:
            self._await_follower()
            self._start_ns = time.monotonic_ns()
            (self._run_closed if self._drive.pace == "closed" else self._run_free)()
        end_ns = time.monotonic_ns()
        for feed in self._feeds:
            self._publisher.send(EndOfStream(stream=feed.load.id, offered=feed.offered))
        return LoadLog(self._start_ns, end_ns, {feed.load.id: feed.log() for feed in self._feeds})

    def _run_paced(self) -> None:
        due = [(*self._due_ns(feed), n) for n, feed in enumerate(self._feeds)]
        heapq.heapify(due)
        outage_ns = self._start_ns + round(self._end_s / 3 * 1e9)
        cut = self._drive.fault != "disconnect"
        while due:
            due_ns, intended_ns, n = due[0]
            if not cut and due_ns >= outage_ns:
                cut = True
                self._serve_until(outage_ns)
                self._reconnect(outage_ns)
            self._serve_until(due_ns)
            feed = self._feeds[n]
            self._send(feed, intended_ns, self._kept_back(feed))
            if feed.next < feed.items:
                heapq.heapreplace(due, (*self._due_ns(feed), n))
            else:
                heapq.heappop(due)

    def _due_ns(self, feed: _Feed) -> tuple[int, int]:
        """Give when the next item is to be sent, and when it was due."""
        captured_ns = feed.load.phase_ns + feed.peek().captured_ns
        due_ns, drive = captured_ns, self._drive
        if drive.stall_s:
            every_ns, stall_ns = round(drive.stall_every_s * 1e9), round(drive.stall_s * 1e9)
            into_ns = captured_ns % every_ns
            if captured_ns >= every_ns and into_ns < stall_ns:
                due_ns += stall_ns - into_ns
        return self._start_ns + due_ns, self._start_ns + captured_ns

    def _kept_back(self, feed: _Feed) -> bool:
        if self._drive.fault != "lost-by-device" or not _SPARED <= feed.next < feed.items - _SPARED:
            return False
        return bool(self._rng.random() < self._drive.share)

    def _run_closed(self) -> None:
        due_ns = time.monotonic_ns()
        for phase in self._drive.phases or (Phase(0.0, max(feed.items for feed in self._feeds)),):
            interval_ns = round(phase.interval_s * 1e9)
            for _ in range(phase.items):
                due_ns = max(due_ns + interval_ns, time.monotonic_ns())
                self._serve_until(due_ns - _AWAKE_NS)
                while time.monotonic_ns() < due_ns:
                    self._publisher.serve(0)
                    # It must not hold the core that the pipeline wakes on.
                    time.sleep(_NAP_S)
                    for feed in self._feeds:
                        if feed.next < feed.items:
                            encode(feed.peek())
                for feed in self._feeds:
                    if feed.next < feed.items:
                        self._send_and_wait(feed)

    def _send_and_wait(self, feed: _Feed) -> None:
        number = feed.next
        self._send(feed, time.monotonic_ns())
        if not self._publisher.drain(_ACKNOWLEDGED_S):
            msg = f"{feed.load.id}: item {number} was not acknowledged within {_ACKNOWLEDGED_S:g} s"
            raise HeartwireError(msg)
        feed.times[2, number] = time.monotonic_ns()

    def _run_free(self) -> None:
        for number in range(max(feed.items for feed in self._feeds)):
            for feed in self._feeds:
                if number < feed.items:
                    self._send(feed, 0)
        self._publisher.drain(_ACKNOWLEDGED_S)

    def _send(self, feed: _Feed, intended_ns: int, keep_back: bool = False) -> None:
        item = feed.peek()
        end = item.end_sample if isinstance(item, EcgChunk) else item.frame + 1
        if not keep_back:
            self._stamp(item, intended_ns)
            self._publisher.send(item)
        feed.sent(end, intended_ns or item.trace.sent_ns, item.trace.sent_ns)

    def _stamp(self, item: EcgChunk | XrayFrame, intended_ns: int) -> None:
        if self._drive.fault == "clock-step":
            # A device with a clock of its own, which is set an hour ahead on the way.
            item.clock = _DEVICE
            late = item.captured_ns > self._end_s / 2 * 1e9
            item.captured_ns += _STEP_NS * late
        else:
            item.captured_ns = item.trace.intended_ns = intended_ns

    def _serve_until(self, due_ns: int) -> None:
        if due_ns - time.monotonic_ns() > _COLLECT_NS:
            self._collector.idle(long=False)
        else:
            self._collector.busy()
        now_ns = time.monotonic_ns()
        if due_ns > now_ns:
            self._publisher.serve(max(due_ns - now_ns, self._woken_ns + self._rest_ns - now_ns) / 1e6)
            self._woken_ns = time.monotonic_ns()

    def _reconnect(self, outage_ns: int) -> None:
        """Be away for a while; what is due meanwhile is sent afterwards, in order."""
        state, epoch = self._publisher.snapshot(), self._publisher.epoch
        self._publisher.close()
        time.sleep(max(0.0, outage_ns / 1e9 + self._drive.outage_s - time.monotonic()))
        self._publisher = self._open(epoch)
        self._publisher.restore(state)

    def _await_follower(self) -> None:
        deadline_s = time.monotonic() + _JOIN_S
        while not self._publisher.statistics().followers:
            if time.monotonic() > deadline_s:
                msg = "the pipeline does not acknowledge (docs/wire.md): only an open loop can measure it"
                raise HeartwireError(msg)
            self._publisher.serve(20)

    def close(self) -> None:
        """Close the sockets."""
        self._publisher.close()


def array(values: bytes) -> npt.NDArray[np.int64]:
    """Give the numbers of a log."""
    return np.frombuffer(values, np.int64)


def main() -> None:
    """Run as a process of a benchmark."""
    wake_in_time()
    folder = Path(sys.argv[1])
    order = msgspec.json.decode((folder / ORDER_FILE).read_bytes(), type=LoadOrder)
    load = Load(order)
    gc.freeze()
    print("ready", flush=True)  # noqa: T201 - the harness listens
    while not select.select([sys.stdin], [], [], 0)[0]:
        load.serve(20)
    if sys.stdin.readline():
        try:
            log = load.run()
        except HeartwireError as error:
            raise SystemExit(str(error)) from None
        (folder / LOG_FILE).write_bytes(msgspec.msgpack.encode(log))
        print("done", flush=True)  # noqa: T201
        while not select.select([sys.stdin], [], [], 0)[0]:
            load.serve(20)
    load.close()


if __name__ == "__main__":
    main()
