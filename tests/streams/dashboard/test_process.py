"""The dashboard as a process: it starts, says where it is, and ends."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from heartwire.engine import reports


def test_it_reports_and_writes_where_it_listens(run: Any) -> None:
    assert run.url.startswith("http://127.0.0.1:")
    with run.page() as page:
        assert page.read()


@pytest.mark.parametrize("how", ["signal", "order", "lost supervisor"])
def test_it_ends_cleanly_within_a_second(run: Any, how: str) -> None:
    with run.page() as page:
        page.read()
        start_s = time.monotonic()
        if how == "signal":
            run.process.terminate()
        elif how == "order":
            run.process.stdin.write(b"stop\n")
            run.process.stdin.flush()
        else:
            run.process.stdin.close()
        assert run.process.wait(10) == 0
        assert time.monotonic() - start_s < 1.5
    assert not (Path(run.plan.run_dir) / "dashboard.url").exists()


def test_a_port_in_use_is_one_clear_line_and_status_2(run_dir: Path, start_run: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = start_run(run_dir, port=taken.getsockname()[1])
        report = run.report()
        assert run.process.wait(10) == 2
    assert isinstance(report, reports.Fault)
    assert report.input_error
    assert "another program uses it" in report.line
    assert "\n" not in report.line
