"""Letting messages of many beds gather for a moment, so that more of them are answered together."""

from __future__ import annotations

A_STREAM_NS = 40_000
"""How long messages gather for each stream of a worker: 10 ms for 250."""
MOST_NS = 15_000_000
FEW = 32
"""Of so few streams none waits for another."""


class Gathering:
    """When the turns of a worker begin.

    A message that is taken alone costs half as much again as one of a dozen: sockets are looked at, networks and
    compiled loops called, whoever waits for findings woken, for each turn. So the turns of a worker of many streams
    begin some milliseconds apart. One that took longer is followed by the next at once: nobody waits who is late.

    Parameters
    ----------
    n_streams
        Streams of the worker.
    """

    def __init__(self, n_streams: int) -> None:
        self._apart_ns = min(A_STREAM_NS * n_streams, MOST_NS) if n_streams > FEW else 0
        self._begun_ns = 0

    def rest_ns(self, now_ns: int) -> int:
        """Give how long to rest before the next turn, which is taken to begin after that."""
        rest_ns = max(0, self._begun_ns + self._apart_ns - now_ns) if self._apart_ns else 0
        self._begun_ns = now_ns + rest_ns
        return rest_ns
