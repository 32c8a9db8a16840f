"""`heartwire bench SCENARIO`: options are checked before anything starts."""

from __future__ import annotations

import sys

import pytest

from heartwire.benchmarks.scenarios.options import parse_settings
from heartwire.engine.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["heartwire", "bench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("latency", "--beds", "0", "--labs", "0"), "nothing to measure"),
        (("latency", "--against", "/no/such.json"), "--against /no/such.json"),
        (("latency", "--engine", "nonsense=1"), "engine has no setting nonsense"),
        (("latency", "--engine", "nonsense"), "expected key=value"),
        (("latency", "--plugin", "none"), "there is no pipeline 'none'"),
        (("latency", "--findings", "tcp://127.0.0.1:5555"), "--findings goes with --items"),
        (("latency", "--plugin", "a", "--pipeline", "b"), "give one of"),
        (("faults", "--only", "fire"), "there is no fault 'fire'"),
        (("latency", "--items", "tcp://127.0.0.1:5555"), "--items goes with --findings"),
        (("latency", "--seconds", "2", "--pipeline", "python 'open"), "cannot be started: No closing quotation"),
        (("beds", "--sizes", "many"), "expected numbers"),
        (("beds", "--sizes", "10,-1"), "-1 beds: expected 1 to 4096"),
        (("idle", "--rates", "5,1"), "expected 0, for continuous"),
        (("idle", "--rates", "0,-1"), "expected 0, for continuous"),
        (("idle", "--rates", "0"), "expected 0, for continuous"),
    ],
)
def test_what_is_wrong_is_one_line_and_status_2(
    arguments: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, *arguments) == 2
    error = capsys.readouterr().err
    assert why in error
    assert "Traceback" not in error


def test_settings_are_read_as_toml_or_text() -> None:
    assert parse_settings(["a=1", "b = true", "c=cuda", "d=0.5"]) == {"a": 1, "b": True, "c": "cuda", "d": 0.5}
