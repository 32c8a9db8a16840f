"""Whole runs across processes: what comes out is what one process gives, also when a worker is killed on the way."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import wfdb

from heartwire.engine.config import Config, EngineConfig, StreamConfig
from heartwire.engine.offline import analyse
from heartwire.engine.registry import processor, sink, source
from heartwire.engine.supervisor import Summary, Supervisor

RATE_HZ = 250
MINUTES = 6


def heart(seed: int, seconds: int) -> np.ndarray:
    """Two leads of narrow spikes with some wide ones between them, mV: enough to make beats and warnings."""
    rng = np.random.default_rng(seed)
    t = np.arange(seconds * RATE_HZ) / RATE_HZ
    wave = 0.02 * rng.standard_normal(len(t))
    at = 0.5
    while at < seconds - 1:
        fast = 60 < at % 120 < 80
        width_s, height_mv = (0.045, 1.6) if fast else (0.012, 1.1)
        wave += height_mv * np.exp(-0.5 * ((t - at) / width_s) ** 2)
        wave -= 0.25 * np.exp(-0.5 * ((t - at - 0.28) / 0.05) ** 2) * (1 if fast else -1)
        at += 0.32 if fast else 0.8 + 0.02 * rng.standard_normal()
    return np.stack([wave, 0.6 * wave + 0.01 * rng.standard_normal(len(t))], axis=1)


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the records `one` and `two`."""
    folder = tmp_path_factory.mktemp("records")
    for seed, name in enumerate(("one", "two")):
        wfdb.wrsamp(
            name, RATE_HZ, ["mV", "mV"], ["II", "V1"], heart(seed, 60 * MINUTES), fmt=["16", "16"],
            write_dir=str(folder),
        )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def expected(records: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """What one process without sockets writes."""
    out = tmp_path_factory.mktemp("expected")
    for name in ("one", "two"):
        sinks = [sink(table).open() for table in sink_tables(out)]
        analyse(
            source(name, {"kind": "wfdb", "record": str(records / name)}), processor("ecg", name, {"provider": "cpu"}),
            sinks,
        )  # fmt: skip
        for opened in sinks:
            opened.close()
    files = contents(out)
    assert len(files) == 4
    assert all(files.values())
    return files


def sink_tables(out: Path) -> list[dict[str, str]]:
    return [{"kind": "wfdb", "out": str(out)}, {"kind": "warnings", "out": str(out)}]


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def config(records: Path, out: Path, message_ms: float) -> Config:
    table = {"kind": "wfdb", "message_ms": message_ms}
    streams = [
        StreamConfig(
            id=name, processor="ecg", worker=f"ecg-{name}", paced=False, source={**table, "record": str(records / name)}
        )
        for name in ("one", "two")
    ]
    return Config(engine=EngineConfig(snapshot_s=0.2), stream=streams, sink=sink_tables(out))


def run(configured: Config, folder: Path, during: Callable[[Supervisor, Summary], None] = lambda *_: None) -> Summary:
    with Supervisor(configured, folder, lambda _: None) as supervisor:
        return supervisor.run(lambda: False, lambda summary: during(supervisor, summary))


@pytest.mark.parametrize("message_ms", [20.0, 1000.0])
def test_a_run_across_processes_writes_the_same_bytes_as_one_process(
    records: Path, expected: dict[str, bytes], tmp_path: Path, message_ms: float
) -> None:
    out = tmp_path / "out"
    summary = run(config(records, out, message_ms), tmp_path)
    assert contents(out) == expected
    assert summary.balanced
    for report in summary.ledgers.values():
        assert report.offered == report.processed == 60 * MINUTES * RATE_HZ
        assert report.final


def test_a_worker_killed_on_the_way_resumes_and_nothing_differs(
    records: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    killed: list[int] = []

    def kill_midway(supervisor: Supervisor, summary: Summary) -> None:
        report = summary.ledgers.get("one")
        if not killed and report and 0.3 < report.processed / (60 * MINUTES * RATE_HZ) < 0.9:
            killed.append(supervisor.process_ids()["work-ecg-one"])
            os.kill(killed[0], signal.SIGKILL)

    summary = run(config(records, out, 20.0), tmp_path, kill_midway)
    assert killed
    assert summary.restarts == {"work-ecg-one": 1}
    assert summary.balanced
    written = contents(out)
    lines = written["one.warnings.jsonl"].splitlines(keepends=True)
    lost = [json.loads(line)["change"] for line in lines if b"WORKER_LOST" in line]
    assert lost == ["on", "off"], "that the worker was gone is an alarm of its own"
    assert {
        **written, "one.warnings.jsonl": b"".join(line for line in lines if b"WORKER_LOST" not in line)
    } == expected  # fmt: skip


def test_a_source_that_breaks_ends_its_own_stream_only(
    records: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    broken = tmp_path / "records"
    broken.mkdir()
    for path in records.iterdir():
        data = path.read_bytes()
        (broken / path.name).write_bytes(data[: len(data) // 2] if path.name == "one.dat" else data)
    out = tmp_path / "out"
    summary = run(config(broken, out, 100.0), tmp_path)
    assert [(f.stream, f.input_error) for f in summary.faults] == [("one", True)]
    assert "one" in summary.faults[0].line
    written = contents(out)
    assert {n: b for n, b in written.items() if n.startswith("two")} == {
        n: b for n, b in expected.items() if n.startswith("two")
    }
