"""Lines that outlive their process."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.streams.dashboard.line_file import LineFile


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=5), max_size=8))
def test_what_was_added_is_read_whether_or_not_the_file_began_anew(parts: list[list[int]]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        file, whole = LineFile(folder / "lines", int, 10), list[int]()
        for part in parts:
            whole += part
            file.add(part, whole)
        assert list(LineFile(folder / "lines", int, 10).read()) == whole


def test_what_the_disk_did_not_take_comes_with_the_next(tmp_path: Path) -> None:
    folder = tmp_path / "absent"
    file = LineFile(folder / "lines", int, 10)
    with pytest.raises(FileNotFoundError):
        file.add([1], [1])
    folder.mkdir()
    file.add([2], [1, 2])
    file.add([3], [1, 2, 3])
    assert list(file.read()) == [1, 2, 3]


def test_a_line_that_is_none_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"1\nno\n2\n3")
    assert list(LineFile(path, int, 10).read()) == [1, 2, 3]
