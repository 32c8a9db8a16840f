"""Waiting at several subscribers at once: only those are looked at for which something came, or is due."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import zmq

from heartwire.engine.messages import Message

if TYPE_CHECKING:
    from heartwire.engine.subscriber import Subscriber

_READABLE = int(zmq.POLLIN)


class Inbox:
    """The subscribers of one thread.

    Parameters
    ----------
    subscribers
        In any order.
    """

    def __init__(self, subscribers: Iterable[Subscriber]) -> None:
        self._all = tuple(subscribers)
        self._skipped: frozenset[Subscriber] = frozenset()
        self._owners = {socket: subscriber for subscriber in self._all for socket in subscriber.sockets}
        self._watch(self._all)

    def _watch(self, subscribers: Collection[Subscriber]) -> None:
        self._watched = subscribers
        self._poller = zmq.Poller()
        for subscriber in subscribers:
            for socket in subscriber.sockets:
                self._poller.register(socket, _READABLE)

    def receive(self, timeout_ms: float, skip: Collection[Subscriber] = ()) -> list[Message]:
        """Take all messages that wait; empty if none came in time.

        Parameters
        ----------
        timeout_ms
            How long to wait for the first.
        skip
            Those that are left alone this time: their messages stay where they are.
        """
        return [message for _, messages in self.receive_by(timeout_ms, skip) for message in messages]

    def receive_by(
        self, timeout_ms: float, skip: Collection[Subscriber] = ()
    ) -> list[tuple[Subscriber, list[Message]]]:
        """Take all messages that wait, by the subscriber they came to; as `receive` otherwise."""
        if skip or self._skipped:
            self._skip(frozenset(skip))
        for subscriber in self._all:
            subscriber.send_acknowledgements()
        now_ns = time.monotonic_ns()
        deadline_ns = now_ns + round(timeout_ms * 1e6)
        while True:
            due_ns = min((subscriber.due_ns for subscriber in self._watched), default=deadline_ns)
            wait_ns = max(0, min(deadline_ns, due_ns) - now_ns)
            for socket, _ in self._poller.poll(-(-wait_ns // 1_000_000)):
                self._owners[socket].take(socket)
            now_ns = time.monotonic_ns()
            for subscriber in self._watched:
                if now_ns >= subscriber.due_ns:
                    subscriber.tend(now_ns)
            found = [(subscriber, messages) for subscriber in self._watched if (messages := subscriber.taken())]
            if found or now_ns >= deadline_ns:
                return found

    def _skip(self, skipped: frozenset[Subscriber]) -> None:
        if skipped != self._skipped:
            self._skipped = skipped
            self._watch([subscriber for subscriber in self._all if subscriber not in skipped])
