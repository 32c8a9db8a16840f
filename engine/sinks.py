"""One process that takes findings (and, where a sink wants them, items) from the bus to the configured sinks.

Run as `python -m heartwire.engine.sinks RUN_DIR NAME`. It acknowledges what it wrote, so that a run that is not paced
never runs ahead of its sinks, and is done when every stream has ended.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack

import zmq

from heartwire.engine import registry, reports
from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.messages import EndOfStream, Message
from heartwire.engine.plan import SUPERVISOR, Plan, read_plan
from heartwire.engine.process import serve

_WAIT_MS = 20


class Sinks:
    """The sinks of a run."""

    def __init__(self, plan: Plan, name: str, line: reports.Line, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._name = name
        self._line = line
        self._sinks = [registry.sink(table).open() for table in plan.config.sink]

        def subscribe(endpoint: str, streams: list[str]) -> Subscriber:
            return Subscriber(endpoint, streams=streams, identity=name, context=context)

        self._findings = [subscribe(plan.data_endpoint(worker), ids) for worker, ids in plan.workers.items()]
        self._items = [subscribe(e, ids) for e, ids in plan.feeds().items()] if plan.sinks_want_items else []
        self._technical = Subscriber(plan.data_endpoint(SUPERVISOR), context=context)
        self._all = [*self._items, *self._findings, self._technical]
        self._inbox = Inbox(self._all)
        self._unfinished = {stream.id for stream in plan.config.stream}
        self._unread = set(self._unfinished) if self._items else set()
        self._devices = {stream.id for stream in plan.config.stream if stream.connect}

    def run(self) -> None:
        """Write until every stream has ended."""
        self._line.report(reports.Ready(self._name, []))
        while self._unfinished or self._unread:
            for subscriber, messages in self._inbox.receive_by(_WAIT_MS):
                for message in messages:
                    self._write(subscriber, message)
            if self._line.order() == "stop":
                break
        with ExitStack() as stack:  # every sink is closed, also where another cannot write its results
            for sink in self._sinks:
                stack.callback(sink.close)
        self._line.report(reports.Done(self._name, [], [*reports.refusals(self._name, self._all), *self._losses()]))
        while self._line.order() != "stop":
            # Acknowledgements go out with the next receive.
            self._inbox.receive(_WAIT_MS)

    def _losses(self) -> list[str]:
        missing = sum(subscriber.statistics().missing for subscriber in (*self._findings, self._technical))
        return [f"{self._name}: {missing} findings were lost on the way and are not in the results"] if missing else []

    def _write(self, subscriber: Subscriber, message: Message) -> None:
        ended = isinstance(message, EndOfStream)
        if ended:
            (self._unread if subscriber in self._items else self._unfinished).discard(message.stream)
            if message.stream in self._devices:
                # A device need not say that it ends: its stream is over when the worker says so.
                self._unread.discard(message.stream)
        if not (ended and subscriber in self._items):
            for sink in self._sinks:
                sink.write(message)
        if subscriber is not self._technical:
            subscriber.acknowledge(message.stream, message.seq)

    def close(self) -> None:
        """Close the sockets."""
        for subscriber in self._all:
            subscriber.close()


def main() -> None:
    """Run as a process of a run."""
    run_dir, name = sys.argv[1:3]
    serve(read_plan(run_dir), name, Sinks)


if __name__ == "__main__":
    main()
