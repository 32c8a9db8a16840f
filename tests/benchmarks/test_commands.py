"""`heartwire evaluate`: one clear line where the input is wrong, files where they were asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heartwire.engine.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["heartwire", "evaluate", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize("what", ["mitdb", "nstdb"])
def test_a_folder_that_is_not_there_or_holds_no_records_is_one_line_and_status_2(
    what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, what, "--data", str(tmp_path / "nothing")) == 2
    assert "is not a folder" in capsys.readouterr().err
    assert run(monkeypatch, what, "--data", str(tmp_path)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"no records in {tmp_path / what}" in error


def test_records_are_chosen_only_where_that_is_possible(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "vf", "--data", str(tmp_path), "--records", "100") == 2
    assert "--records chooses records of mitdb and nstdb" in capsys.readouterr().err


@pytest.mark.usefixtures("known_processor")
def test_what_is_asked_for_is_kept(
    small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "kept"
    assert run(monkeypatch, "nstdb", "--data", str(small_data), "--out", str(out), "--no-peers") == 0
    assert {"result.json", "report.html", "118e12.hw", "119e_6.hw", "118e12.warnings.jsonl"} <= {
        path.name for path in out.iterdir()
    }
    told = capsys.readouterr()
    assert "Noise stress, confirmed, unmasked" in told.out
    assert told.err == ""
