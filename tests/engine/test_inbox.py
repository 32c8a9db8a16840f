"""One wait for the messages of many subscribers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from heartwire.engine.bus import Inbox, Publisher, Subscriber
from heartwire.engine.messages import EndOfStream

Ends = tuple[list[Publisher], list[Subscriber]]


@pytest.fixture
def ends(tmp_path: Path) -> Iterator[Ends]:
    """Two publishers, each with the end of its stream to send, and who listens to each."""
    with ExitStack() as stack:
        endpoints = [f"ipc://{tmp_path}/{n}" for n in range(2)]
        publishers = [stack.enter_context(Publisher(endpoint)) for endpoint in endpoints]
        subscribers = [stack.enter_context(Subscriber(endpoint)) for endpoint in endpoints]
        for n, publisher in enumerate(publishers):
            publisher.send(EndOfStream(stream=f"bed-{n}/ecg", offered=0))
        yield publishers, subscribers


def take(inbox: Inbox, ends: Ends, skip: Sequence[Subscriber] = ()) -> set[str]:
    """Serve and receive once; give the streams of which something came, each from its own subscriber."""
    publishers, subscribers = ends
    for publisher in publishers:
        publisher.serve()
    streams: set[str] = set()
    for subscriber, messages in inbox.receive_by(10, skip):
        assert {m.stream for m in messages} == {f"bed-{subscribers.index(subscriber)}/ecg"}
        streams |= {m.stream for m in messages}
    return streams


def test_several_publishers_can_be_waited_for_together(ends: Ends) -> None:
    inbox, came = Inbox(ends[1]), set[str]()
    while len(came) < 2:
        came |= take(inbox, ends)
    assert came == {"bed-0/ecg", "bed-1/ecg"}


def test_an_inbox_leaves_alone_whom_it_is_told_to_skip(ends: Ends) -> None:
    inbox, came = Inbox(ends[1]), set[str]()
    while "bed-1/ecg" not in came:
        came |= take(inbox, ends, skip=ends[1][:1])
    assert came == {"bed-1/ecg"}
    while "bed-0/ecg" not in came:
        came |= take(inbox, ends)
