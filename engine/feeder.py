"""One process that opens sources and publishes their items, at the device's pace or as fast as they are processed.

Run as `python -m heartwire.engine.feeder RUN_DIR NAME`. At the device's pace each item has an intended time, counted
from one common start: a stalled feeder sends late but does not move the intended times, so the stall shows.
"""

from __future__ import annotations

import heapq
import sys
import time
from collections.abc import Iterator
from contextvars import Context

import zmq

from heartwire.engine import registry, reports
from heartwire.engine.bus import Publisher
from heartwire.engine.collecting import IdleCollector
from heartwire.engine.errors import HeartwireError, InputError, MalformedMessage
from heartwire.engine.messages import EcgChunk, EndOfStream, Gap, Item, XrayFrame
from heartwire.engine.placement import prefer
from heartwire.engine.plan import Plan, read_plan
from heartwire.engine.process import serve
from heartwire.engine.source import lay_frames

_RING_BYTES = 512 * 1024 * 1024
_WINDOW = 64
"""Messages of a stream that may be under way unacknowledged where the stream is not paced."""
_COLLECT_NS = 2_000_000
"""Time until the next message that is enough to collect garbage in."""


class _Feed:
    """One source at work: its next item and when that is due."""

    def __init__(self, plan: Plan, stream_id: str) -> None:
        self.config = plan.stream(stream_id)
        self.offered = 0
        self._phase_ns = round(self.config.phase_ms * 1e6)
        self._items = self._open()
        self.item: Item | None = next(self._items, None)

    def _open(self) -> Iterator[Item]:
        items = registry.source(self.config.id, self.config.source).open()
        # All of them at once are each in memory of its own.
        return iter(Context().run(list, items)) if self.config.preload else items

    def due_ns(self, start_ns: int) -> int:
        """When the item may be sent, 0: at once."""
        if not self.config.paced or not isinstance(self.item, EcgChunk | XrayFrame):
            return 0
        return start_ns + self._phase_ns + self.item.captured_ns

    def stamp(self, start_ns: int) -> None:
        """Set the item's times and count what it offers."""
        match self.item:
            case EcgChunk():
                self.offered = self.item.end_sample
            case XrayFrame():
                self.offered = self.item.frame + 1
            case Gap():
                self.offered = self.item.first + self.item.count
        if isinstance(self.item, EcgChunk | XrayFrame) and self.config.paced:
            self.item.captured_ns += start_ns + self._phase_ns
            self.item.trace.intended_ns = self.item.captured_ns

    def advance(self) -> None:
        """Read the next item; None at the end."""
        self.item = next(self._items, None)


class Feeder:
    """Feeds the streams of one feeder process until their sources end or it is told to stop."""

    def __init__(self, plan: Plan, name: str, line: reports.Line, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._line = line
        self._name = name
        self._placed = [f"{name} {note}" for note in prefer(plan)]
        streams = plan.feeders[name]
        paced = all(plan.stream(s).paced for s in streams)
        self._publisher = Publisher(
            plan.data_endpoint(name),
            ring_s=plan.config.engine.ring_s,
            ring_bytes=_RING_BYTES,
            window=None if paced else _WINDOW,
            expected_subscribers=1 + plan.sinks_want_items,
            given_up=line.lost,
            slots=plan.config.engine.frame_slots,
            context=context,
        )
        lay_frames(self._publisher.reserve)
        self._feeds: list[_Feed] = []
        for stream in streams:
            try:
                self._feeds.append(_Feed(plan, stream))
            except InputError as error:
                self._fault(stream, error, 0)

    def _fault(self, stream: str, error: HeartwireError, offered: int) -> None:
        """Tell of a source that broke and end its stream; the others go on."""
        self._line.report(reports.Fault(self._name, stream, str(error), input_error=True))
        self._publisher.send(EndOfStream(stream=stream, offered=offered))

    def run(self) -> None:
        """Wait for the order to go, feed everything, and stay until all that was sent has been acknowledged."""
        self._line.report(reports.Ready(self._name, self._placed))
        order = None
        while order is None:
            self._publisher.serve(timeout_ms=50)
            order = self._line.order()
        self._collector = IdleCollector()
        self._feed(stopped=order == "stop")
        self._line.report(reports.Done(self._name, [], reports.refusals(self._name, [self._publisher])))
        while self._line.order() is None:
            self._publisher.serve(timeout_ms=50)

    def _feed(self, stopped: bool) -> None:
        start_ns = time.monotonic_ns()
        due = [(feed.due_ns(start_ns), n) for n, feed in enumerate(self._feeds)]
        heapq.heapify(due)
        while due and not stopped:
            if self._line.order() == "stop":
                break
            due_ns, n = due[0]
            feed = self._feeds[n]
            self._serve_until(due_ns)
            if self._send(feed, start_ns):
                heapq.heapreplace(due, (feed.due_ns(start_ns) or due_ns, n))
            else:
                heapq.heappop(due)
        for _, n in due:
            self._publisher.send(EndOfStream(stream=self._feeds[n].config.id, offered=self._feeds[n].offered))

    def _serve_until(self, due_ns: int) -> None:
        if due_ns - time.monotonic_ns() > _COLLECT_NS:
            self._collector.idle(long=False)
        else:
            self._collector.busy()
        if (wait_ns := due_ns - time.monotonic_ns()) > 0:
            self._publisher.serve(wait_ns / 1e6)

    def _send(self, feed: _Feed, start_ns: int) -> bool:
        """Send a feed's item and read the next; False where the stream has ended."""
        feed.stamp(start_ns)
        if feed.item is None:
            return False
        try:
            self._publisher.send(feed.item)
            feed.advance()
        except (InputError, MalformedMessage) as error:
            self._fault(feed.config.id, error, feed.offered)
            return False
        return feed.item is not None

    def close(self) -> None:
        """Close the sockets."""
        self._publisher.close()


def main() -> None:
    """Run as a process of a run."""
    run_dir, name = sys.argv[1:3]
    plan = read_plan(run_dir)
    serve(plan, name, Feeder)


if __name__ == "__main__":
    main()
