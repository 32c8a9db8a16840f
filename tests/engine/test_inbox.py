"""One wait for the messages of many subscribers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from heartwire.engine.bus import Inbox, Publisher, Subscriber
from heartwire.engine.messages import EndOfStream, Message


def test_several_publishers_can_be_waited_for_together(tmp_path: Path) -> None:
    endpoints = [f"ipc://{tmp_path}/{n}" for n in range(2)]
    publishers = [Publisher(e) for e in endpoints]
    subscribers = [Subscriber(e) for e in endpoints]
    inbox = Inbox(subscribers)
    for n, publisher in enumerate(publishers):
        publisher.send(EndOfStream(stream=f"bed-{n}/ecg", offered=0))
    got: list[Message] = []
    while len(got) < 2:
        for publisher in publishers:
            publisher.serve()
        got += inbox.receive(10)
    for part in (*subscribers, *publishers):
        part.close()
    assert {m.stream for m in got} == {"bed-0/ecg", "bed-1/ecg"}


def test_an_inbox_leaves_alone_whom_it_is_told_to_skip(tmp_path: Path) -> None:
    endpoints = [f"ipc://{tmp_path}/{n}" for n in range(2)]
    publishers = [Publisher(e) for e in endpoints]
    subscribers = [Subscriber(e) for e in endpoints]
    inbox = Inbox(subscribers)
    for n, publisher in enumerate(publishers):
        publisher.send(EndOfStream(stream=f"bed-{n}/ecg", offered=0))

    def take(skip: Sequence[Subscriber]) -> set[str]:
        streams: set[str] = set()
        for publisher in publishers:
            publisher.serve()
        for subscriber, messages in inbox.receive_by(10, skip):
            assert {m.stream for m in messages} == {f"bed-{subscribers.index(subscriber)}/ecg"}
            streams |= {m.stream for m in messages if isinstance(m, EndOfStream)}
        return streams

    ended: set[str] = set()
    while "bed-1/ecg" not in ended:
        ended |= take(subscribers[:1])
    assert ended == {"bed-1/ecg"}
    while "bed-0/ecg" not in ended:
        ended |= take(())
    for part in (*subscribers, *publishers):
        part.close()
