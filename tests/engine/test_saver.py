"""States come to the disk beside the work: the newest of each, whole, and what the disk refuses is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.saver import Saver


@pytest.fixture
def saver() -> Iterator[Saver]:
    started = Saver()
    started.start()
    yield started
    started.stop()


@given(states=st.lists(st.tuples(st.sampled_from("abc"), st.binary(max_size=64)), max_size=30))
def test_after_a_flush_each_file_holds_what_was_put_last(
    tmp_path_factory: pytest.TempPathFactory, states: list[tuple[str, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("saved")
    saver = Saver()
    saver.start()
    for name, state in states:
        saver.put(folder / f"{name}.snapshot", state)
    saver.flush()
    assert {file.stem: file.read_bytes() for file in folder.iterdir()} == dict(states)
    saver.stop()


def test_what_waits_is_written_before_it_ends(tmp_path: Path) -> None:
    saver = Saver()
    for number in range(20):
        saver.put(tmp_path / f"{number}.snapshot", b"state")
    saver.start()
    saver.stop()
    assert len(list(tmp_path.iterdir())) == 20


def test_what_the_disk_refuses_is_told_and_the_others_are_saved(tmp_path: Path, saver: Saver) -> None:
    saver.put(tmp_path / "no folder" / "a.snapshot", b"state")
    saver.put(tmp_path / "b.snapshot", b"state")
    saver.flush()
    (told,) = saver.failed
    assert "a.snapshot" in told
    assert (tmp_path / "b.snapshot").read_bytes() == b"state"
