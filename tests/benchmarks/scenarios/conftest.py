"""Short loads, and a pipeline that starts at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.pipelines.foreign import command
from heartwire.benchmarks.workload import Workload

EXAMPLE = Path(__file__).parents[3] / "examples" / "own_pipeline.py"


@pytest.fixture(scope="session")
def tape_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tapes")


@pytest.fixture
def example(tape_folder: Path) -> Harness:
    """The example pipeline, which answers each item with a finding."""
    line = f"{sys.executable} -P {EXAMPLE} {{connect}} {{publish}}"
    return Harness(command(line), tape_folder=tape_folder)


@pytest.fixture
def short() -> Workload:
    """Two beds and a lab for two seconds."""
    return Workload(beds=2, labs=1, leads=2, rate_hz=250.0, message_ms=40.0, seconds=2.0, patients=1, cycle_s=2.0,
                    frame_px=256, cycle_frames=3)  # fmt: skip
