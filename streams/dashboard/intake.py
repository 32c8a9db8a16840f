"""Listens to the run: one thread that takes every message from the bus and notes when it arrived."""

from __future__ import annotations

import threading
import time
from collections import deque

import zmq

from heartwire.engine.bus import Inbox, Subscriber
from heartwire.engine.messages import Message, Rhythm
from heartwire.engine.plan import SUPERVISOR, Plan

_MOST_WAITING = 16_384
_WAIT_MS = 100


def endpoints(plan: Plan) -> dict[str, list[str] | None]:
    """Give where the messages of a run are published, and the streams wanted from there (None: all).

    Feeds come first: of what has arrived together, a frame is then taken before its overlay.
    """
    wanted: dict[str, list[str] | None] = {}
    for stream in plan.config.stream:
        of_endpoint = wanted.setdefault(plan.feed_endpoint(stream.id), [])
        if of_endpoint is not None:
            of_endpoint.append(stream.id)
    for process in (*plan.workers, SUPERVISOR):
        wanted[plan.data_endpoint(process)] = None
    return wanted


class Intake(threading.Thread):
    """Takes messages as a viewer that nobody waits for: if the dashboard stalls, the engine does not notice.

    Of what was found before it began the rhythm counts, which is told when it changes only: the engine is asked for
    what it still has. Alarms from before are in the journal.

    Parameters
    ----------
    plan
        The run to listen to.
    context
        ZeroMQ context.
    """

    def __init__(self, plan: Plan, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        super().__init__(name="intake", daemon=True)
        self.waiting: deque[tuple[int, Message]] = deque(maxlen=_MOST_WAITING)
        """Messages with their arrival on the monotonic clock, ns; the oldest are lost if nobody takes them."""
        self.refused = 0
        """What came that was not a valid message."""
        self._began_ns = time.monotonic_ns()
        self._stop_asked = threading.Event()
        self._subscribers = [
            Subscriber(endpoint, streams=streams, late_join="live" if streams else "ring", context=context)
            for endpoint, streams in endpoints(plan).items()
        ]
        self._inbox = Inbox(self._subscribers)

    def run(self) -> None:
        """Take messages until told to stop."""
        try:
            while not self._stop_asked.is_set():
                taken = self._inbox.receive(_WAIT_MS)
                arrived_ns = time.monotonic_ns()
                self.waiting.extend((arrived_ns, message) for message in taken if self._counts(message))
                self.refused = sum(subscriber.statistics().refused for subscriber in self._subscribers)
        finally:
            for subscriber in self._subscribers:
                subscriber.close()

    def _counts(self, message: Message) -> bool:
        return isinstance(message, Rhythm) or not 0 < message.trace.published_ns < self._began_ns

    def stop(self) -> None:
        """Stop and close the sockets."""
        self._stop_asked.set()
        if self.is_alive():
            self.join()
        elif self.ident is None:
            for subscriber in self._subscribers:
                subscriber.close()
