"""The marks of beats in a recording."""

from __future__ import annotations

from pathlib import Path

import pytest

from heartwire.streams.dashboard.marks import Marks


@pytest.mark.parametrize(("labels", "left"), [(["V", "S"], [(10.0, "S")]), (["V", "N"], []), (["N"], [])])
@pytest.mark.parametrize("again", [False, True])
def test_a_revised_beat_takes_the_place_of_its_mark(
    tmp_path: Path, labels: list[str], left: list[object], again: bool
) -> None:
    marks = Marks(tmp_path / "bed.marks")
    for label in labels:
        marks.take(10.0, label)
        marks.write()
    if again:
        marks = Marks(tmp_path / "bed.marks")
    assert marks.between(0.0, 100.0) == left


def test_marks_outlive_their_process_and_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "bed.marks"
    first = Marks(path)
    first.take(10.0, "V")
    first.write()
    with path.open("ab") as file:
        file.write(b"[20.0")
    second = Marks(path)
    second.take(30.0, "S")
    second.write()
    assert Marks(path).between(0.0, 100.0) == [(10.0, "V"), (30.0, "S")]
