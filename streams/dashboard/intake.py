"""Listens to the run: one thread that takes every message from the bus and notes when it arrived."""

from __future__ import annotations

import threading
import time
from collections import deque

import zmq

from heartwire.engine.bus import Subscriber
from heartwire.engine.messages import Message
from heartwire.engine.plan import SUPERVISOR, Plan

_MOST_WAITING = 16_384
_POLL_MS = 100
_TIMERS_NS = 100_000_000
"""How often a subscriber looks at what it waits for although nothing came."""


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
        self._stop_asked = threading.Event()
        self._subscribers = [
            Subscriber(endpoint, streams=streams, late_join="live", context=context)
            for endpoint, streams in endpoints(plan).items()
        ]
        self._poller = zmq.Poller()
        self._owners: dict[zmq.Socket[bytes], Subscriber] = {}
        for subscriber in self._subscribers:
            for socket in subscriber.sockets:
                self._poller.register(socket, zmq.POLLIN)
                self._owners[socket] = subscriber

    def run(self) -> None:
        """Take messages until told to stop."""
        try:
            timers_due_ns = 0
            while not self._stop_asked.is_set():
                readable = {self._owners[socket] for socket, _ in self._poller.poll(_POLL_MS)}
                if time.monotonic_ns() >= timers_due_ns:
                    timers_due_ns = time.monotonic_ns() + _TIMERS_NS
                    readable.update(self._subscribers)
                    self.refused = sum(subscriber.statistics().refused for subscriber in self._subscribers)
                for subscriber in self._subscribers:
                    if subscriber in readable:
                        self._take(subscriber)
        finally:
            for subscriber in self._subscribers:
                subscriber.close()

    def _take(self, subscriber: Subscriber) -> None:
        messages = subscriber.receive()
        arrived_ns = time.monotonic_ns()
        self.waiting.extend((arrived_ns, message) for message in messages)

    def stop(self) -> None:
        """Stop and close the sockets."""
        self._stop_asked.set()
        if self.is_alive():
            self.join()
        elif self.ident is None:
            for subscriber in self._subscribers:
                subscriber.close()
