"""The command line: one clear line and the right exit status, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def heartwire(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "heartwire", *words], capture_output=True, text=True, timeout=120, check=False
    )


def test_help_names_every_command() -> None:
    done = heartwire("--help")
    assert done.returncode == 0
    for command in ("annotate", "bench", "check", "demo", "evaluate", "localise", "models", "run", "train"):
        assert command in done.stdout


def test_the_version_is_the_packages() -> None:
    import heartwire as package

    assert heartwire("--version").stdout.strip() == f"heartwire {package.__version__}"


def test_a_correct_configuration_is_called_so(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text('[[stream]]\nid = "bed-1/ecg"\nsource = { kind = "simulated-ecg" }\n')
    done = heartwire("check", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "correct" in done.stdout


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[stream]]\nid = "a/ecg"\nsource = { kind = "simulated-ecg", color = 1 }\n', "color"),
        ('[[stream]]\nid = "a/ecg"\nsource = { kind = "wfbd" }\n', "known are"),
        ('[[stream]]\nid = "a/eeg"\nsource = { kind = "simulated-ecg" }\n', "no processor 'eeg'"),
        ('[[stream]]\nid = "a/ecg"\nsource = { kind = "simulated-ecg" }\n[[sink]]\nkind = "paper"\n', "no sink"),
        ('[[stream]]\nid = "a/ecg"\nsource = { kind = "simulated-ecg" }\nsettings = { limit = 1 }\n', "limit"),
    ],
)
def test_a_wrong_configuration_is_one_line_and_status_2(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    for command in ("check", "run"):
        done = heartwire(command, str(path))
        assert done.returncode == 2
        assert says in done.stderr
        assert done.stderr.startswith("heartwire: ")
        assert done.stderr.count("\n") == 1


def test_an_unknown_command_is_status_2() -> None:
    assert heartwire("anotate").returncode == 2


def test_a_missing_record_is_one_line_and_status_2(tmp_path: Path) -> None:
    done = heartwire("annotate", str(tmp_path / "none"), "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr
