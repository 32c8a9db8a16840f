"""The registered subscribers of a publisher and what each has acknowledged: what must be kept, who is waited for."""

from __future__ import annotations

from collections.abc import Mapping

from heartwire.engine.control import Hello
from heartwire.engine.errors import MalformedMessage

_MOST = 1024


class _Follower:
    """A registered subscriber: the streams it wants and what it has acknowledged of each."""

    def __init__(self, hello: Hello) -> None:
        self._streams = None if hello.streams is None else frozenset(hello.streams)
        self.acknowledged: dict[str, int] = dict(hello.acknowledged)

    def wants(self, stream: str) -> bool:
        return self._streams is None or stream in self._streams


class Followers:
    """The registered subscribers, by their identity on the control socket."""

    def __init__(self) -> None:
        self._followers: dict[bytes, _Follower] = {}

    def __len__(self) -> int:
        return len(self._followers)

    def register(self, identity: bytes, hello: Hello) -> None:
        """Take a subscriber, or take it anew.

        Raises
        ------
        MalformedMessage
            If there are too many.
        """
        if identity not in self._followers and len(self._followers) >= _MOST:
            msg = f"more than {_MOST} registered subscribers"
            raise MalformedMessage(msg)
        self._followers[identity] = _Follower(hello)

    def acknowledge(self, identity: bytes, seqs: Mapping[str, int]) -> None:
        """Take note of what a subscriber has, by stream; one that never registered is ignored."""
        if follower := self._followers.get(identity):
            follower.acknowledged.update(seqs)

    def leave(self, identity: bytes) -> None:
        """Forget a subscriber."""
        self._followers.pop(identity, None)

    def slowest(self, stream: str) -> tuple[int, int]:
        """Count the subscribers of a stream and give the lowest number all of them acknowledged."""
        acknowledged = [f.acknowledged.get(stream, -1) for f in self._followers.values() if f.wants(stream)]
        return len(acknowledged), min(acknowledged, default=-1)

    def needed_seq(self, stream: str) -> int | None:
        """Give the first sequence number that a subscriber still needs; None where none registered for the stream."""
        count, acknowledged = self.slowest(stream) if self._followers else (0, -1)
        return acknowledged + 1 if count else None
