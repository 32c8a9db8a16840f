"""Scenarios on the example pipeline: every scenario fills a valid result from somebody else's processes."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from rich.console import Console

from heartwire.benchmarks import report, terminal
from heartwire.benchmarks.figures import END_TO_END, FROM_SENT
from heartwire.benchmarks.harness import Harness
from heartwire.benchmarks.load import Phase
from heartwire.benchmarks.pipelines.foreign import command, endpoint
from heartwire.benchmarks.result import Result
from heartwire.benchmarks.scenarios import beds, burst, faults, idle, mixed, offline, paced, single
from heartwire.benchmarks.workload import Workload
from heartwire.engine.errors import ConfigError, HeartwireError

EXAMPLE = Path(__file__).parents[3] / "examples" / "own_pipeline.py"


def checked(result: Result, tmp_path: Path) -> Result:
    """A valid result that reads back, prints, and makes a page without anything from outside."""
    assert result.valid, result.invalid_because
    report.write(result, tmp_path)
    assert msgspec.json.decode((tmp_path / "result.json").read_bytes(), type=Result) == result
    page = (tmp_path / "report.html").read_text()
    assert "<svg" in page
    assert "src=" not in page
    console = Console(record=True, file=StringIO(), width=140)
    terminal.show(result, console)
    assert "valid" in console.export_text()
    return result


def test_paced_repeats_are_pooled_and_have_a_spread(example: Harness, short: Workload, tmp_path: Path) -> None:
    result = checked(paced.measure(example, short, repeats=2), tmp_path)
    assert [run.label for run in result.runs] == ["1", "2"]
    spread = result.headline["X-ray p50 ms"]
    assert len(spread.values) == 2
    assert spread.lowest <= spread.median <= spread.highest
    whole = result.pooled["catheter fix"].stages[END_TO_END]
    assert whole.n == 60
    assert result.runs[0].ledgers["bed-1/ecg"].processed == 500
    # The last message of an ECG is not counted.
    assert result.runs[0].kinds["heart rate"].stages[END_TO_END].n == 2 * 49


def test_single_times_each_item_to_its_acknowledgement(example: Harness, short: Workload, tmp_path: Path) -> None:
    result = checked(single.measure(example, short), tmp_path)
    assert result.runs[0].items["xray"].n == 30
    assert result.runs[0].items["ecg"].n == 100


def test_burst_has_the_stall_in_latency_and_not_in_the_naive_figure(
    example: Harness, short: Workload, tmp_path: Path
) -> None:
    result = checked(burst.measure(example, short, stall_s=0.5, every_s=1.0), tmp_path)
    stages = result.pooled["heart rate"].stages
    assert stages[END_TO_END].max_ms > 400
    assert stages["pacing"].max_ms > 400
    assert "ECG catching up ms" in result.headline
    assert stages[FROM_SENT].n == stages[END_TO_END].n


def test_offline_gives_throughput(example: Harness, short: Workload, tmp_path: Path) -> None:
    result = checked(offline.measure(example, short), tmp_path)
    assert result.headline["ECG stream-seconds a second"].median > 0
    assert result.headline["frames a second"].median > 0


def test_idle_compares_each_pause_with_none(example: Harness, short: Workload, tmp_path: Path) -> None:
    phases = (Phase(0.0, 12), Phase(0.02, 12))
    result = checked(idle.measure({"off": example}, short, phases=phases), tmp_path)
    assert "xray penalty at 50 Hz, off" in result.headline
    assert [point.x for point in result.curve] == [0.0, 0.02]


def test_mixed_tells_what_each_costs_beside_the_other(example: Harness, short: Workload, tmp_path: Path) -> None:
    result = checked(mixed.measure(example, short), tmp_path)
    assert [run.label for run in result.runs] == ["ECG alone", "X-ray alone", "together"]
    assert "X-ray p50 together / alone" in result.headline


def test_beds_at_given_sizes_give_a_curve(example: Harness, short: Workload, tmp_path: Path) -> None:
    load = msgspec.structs.replace(short, labs=0)
    result = checked(beds.measure(example, load, target_ms=5000.0, sizes=(1, 3)), tmp_path)
    assert [point.x for point in result.curve] == [1, 3]
    assert result.headline["beds that meet the target"].median == 3


def test_what_cannot_be_met_is_no_error(example: Harness, short: Workload) -> None:
    load = msgspec.structs.replace(short, labs=0)
    result = beds.measure(example, load, target_ms=1e-6, start=1)
    assert result.headline["beds that meet the target"].median == 0
    assert "max" in result.curve[0].why


@pytest.mark.parametrize("fault", ["lost-by-device", "lost-on-the-way", "reordered"])
def test_faults_leave_an_account_that_sums(fault: str, example: Harness, short: Workload, tmp_path: Path) -> None:
    load = msgspec.structs.replace(short, seconds=4.0)
    result = checked(faults.measure(example, load, faults=(fault,)), tmp_path)
    assert list(result.checks.values()) == [True]
    assert (result.runs[0].kept_back > 0) == (fault == "lost-by-device")


@pytest.fixture
def free_endpoints() -> tuple[str, str]:
    ports = []
    for _ in range(2):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(probe.getsockname()[1])
    # Each data port needs the one after it for control.
    return f"tcp://127.0.0.1:{ports[0]}", f"tcp://127.0.0.1:{ports[1]}"


@pytest.fixture
def running(free_endpoints: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """The example, running already."""
    process = subprocess.Popen([sys.executable, "-P", str(EXAMPLE), *free_endpoints])
    yield free_endpoints
    process.kill()
    process.wait()


def test_a_pipeline_that_runs_already_is_measured_at_its_endpoints(
    running: tuple[str, str], short: Workload, tape_folder: Path
) -> None:
    items, findings = running
    harness = Harness(endpoint(findings), items=items, tape_folder=tape_folder)
    result = paced.measure(harness, short)
    assert result.valid, result.invalid_because
    assert result.pipeline == "endpoints"


def test_a_command_that_is_none_or_dies_is_one_clear_error(short: Workload, tape_folder: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be started"):
        paced.measure(Harness(command("/no/such/thing"), tape_folder=tape_folder), short)
    dies = f"{sys.executable} -P -c \"import zmq, time; s = zmq.Context().socket(zmq.PUB); s.bind('{{publish}}'); " \
        "time.sleep(0.7); raise SystemExit(3)\""  # fmt: skip
    with pytest.raises(HeartwireError, match="the pipeline died with status 3"):
        paced.measure(Harness(command(dies), tape_folder=tape_folder), short)
