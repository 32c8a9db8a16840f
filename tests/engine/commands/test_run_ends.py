"""How `heartwire run` ends: on signals at any time, and when one of its processes is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from heartwire.engine.alarms.chain import verify
from heartwire.engine.alarms.journal import connect, entries

WAIT_S = 60.0


class Run:
    """A run of one simulated bed, as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.run_dir, self.out = folder / "r", folder / "out"
        (folder / "ward.toml").write_text(f"""
            engine = {{ run_dir = "{self.run_dir}", provider = "cpu" }}
            stream = [{{ id = "bed-1/ecg", source = {{ kind = "simulated-ecg", seconds = 300 }} }}]
            sink = [{{ kind = "warnings", out = "{self.out}" }}]
        """)
        self._file = folder / "ward.toml"
        self.journal = folder / "ward.journal"
        self.start()

    def start(self) -> None:
        code = "from heartwire.engine.cli import main; main()"
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", code, "run", str(self._file)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def children(self) -> dict[str, int]:
        """The processes of the run by name."""
        found = {}
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    words = (folder / "cmdline").read_bytes().decode().split("\0")
                except OSError:
                    continue
                if str(self.run_dir) in words:
                    found[words[words.index(str(self.run_dir)) + 1]] = int(folder.name)
        return found

    def begun(self) -> bool:
        return (self.run_dir / "plan.json").exists()

    def flowing(self) -> bool:
        return (self.out / "bed-1-ecg.warnings.jsonl").exists()

    def alarms(self) -> set[tuple[str, str]]:
        """The changes of conditions that the journal has."""
        with closing(connect(self.journal)) as connection:
            return {(entry.condition, entry.change) for entry in entries(connection, "kind = 'alarm'")}

    def end(self) -> tuple[int, str]:
        """Wait for the end; give status and output."""
        said, _ = self.process.communicate(timeout=WAIT_S)
        return self.process.returncode, said

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    started = Run(tmp_path)
    yield started
    started.close()


def test_a_signal_ends_a_run_with_its_account_at_any_time_and_its_folder_serves_again(run: Run) -> None:
    until(run.begun)
    run.process.send_signal(signal.SIGTERM)
    status, said = run.end()
    assert (status, run.children()) == (0, {})
    assert "Traceback" not in said
    assert "ledger: balanced" in said

    run.start()
    until(run.flowing)
    run.process.send_signal(signal.SIGINT)
    status, said = run.end()
    assert (status, run.children()) == (0, {})
    assert "Traceback" not in said
    assert "bed-1/ecg" in said
    assert "ledger: balanced" in said


def test_killed_processes_end_the_run_with_one_line_or_are_started_again(run: Run) -> None:
    until(run.flowing)
    worker = run.children()["work-ecg"]
    os.kill(worker, signal.SIGKILL)
    until(lambda: run.children().get("work-ecg", worker) != worker)
    os.kill(run.children()["sinks"], signal.SIGKILL)
    status, said = run.end()
    assert (status, run.children()) == (1, {})
    assert "Traceback" not in said
    assert "work-ecg died with status -9: restarting it" in said
    assert said.splitlines()[-1] == "heartwire: process sinks died with status -9: what it held cannot be had again"
    assert {("WORKER_LOST", "on"), ("SINK_LOST", "on")} <= run.alarms()
    assert verify(run.journal).wrong == ""

    run.start()
    until(lambda: len(run.children()) == 3)
    run.process.kill()
    run.end()
    until(lambda: not run.children())


def test_a_stream_whose_model_is_missing_to_the_end_is_told_and_the_status_says_so(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"""
        engine = {{ run_dir = "{tmp_path / "r"}", provider = "cpu" }}

        [[stream]]
        id = "bed-1/own"
        paced = false
        processor = "onnx-ecg"
        source = {{ kind = "simulated-ecg", seconds = 5 }}
        settings = {{ model = "{tmp_path / "absent.onnx"}" }}
    """)
    code = "from heartwire.engine.cli import main; main()"
    run = subprocess.run(
        [sys.executable, "-P", "-c", code, "run", str(tmp_path / "own.toml")],
        capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert "ledger: balanced" in run.stderr
    assert "absent.onnx" in run.stderr
    assert "heartwire: nothing of bed-1/own was analysed: a model cannot be loaded" in run.stderr
