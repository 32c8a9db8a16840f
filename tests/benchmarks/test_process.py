"""A process of the benchmark that dies is told with how it ended."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from heartwire.benchmarks.process import Child
from heartwire.engine.errors import HeartwireError


def test_one_that_is_killed_is_told_by_the_signal(tmp_path: Path) -> None:
    with Child("heartwire.no_such_module", tmp_path) as child:
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(HeartwireError, match="no_such_module process was ended by signal 9"):
            child.wait("ready", 10.0)


def test_one_that_ends_by_itself_is_told_by_its_status(tmp_path: Path) -> None:
    with Child("heartwire.no_such_module", tmp_path) as child:
        with pytest.raises(HeartwireError, match="ended with status 1"):
            child.wait("ready", 10.0)
        with pytest.raises(HeartwireError, match="ended with status 1"):
            child.check()
        with pytest.raises(HeartwireError, match="ended with status 1"):
            child.order("stop")
