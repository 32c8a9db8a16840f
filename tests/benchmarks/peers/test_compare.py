"""Ratios are taken run by run, losses are shown, what fails or is not installed counts neither way."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from heartwire.benchmarks.peers import compare, report
from heartwire.benchmarks.peers.catalogue import OURS, PEERS, Peer, of_case
from heartwire.benchmarks.peers.runner import Run, run
from heartwire.benchmarks.peers.work import Load, Seen
from heartwire.engine.errors import HeartwireError

LOAD = Load(streams=8, seconds=10.0)
OTHER = Peer("other", "pyzmq", "zmq", "zeromq", frozenset({"hand-on"}), (), True)
LOSING = Peer("losing", "pyzmq", "zmq", "zeromq", frozenset({"hand-on"}), (), True)
BROKEN = Peer("broken", "pyzmq", "zmq", "zeromq", frozenset({"hand-on"}), (), True)
ABSENT = Peer("absent", "nobody", "no_such_module", "x", frozenset({"hand-on"}), (), True, "pip install nobody")
LATENCY_MS = {OURS: 1.0, "other": 2.0, "losing": 4.0}


def _fake(peer: Peer, load: Load) -> Run:
    if peer is BROKEN:
        msg = "it fell over"
        raise HeartwireError(msg)
    due = [(s, n, t, t + round(LATENCY_MS[peer.name] * 1e6)) for t, s, n in load.due()]
    return Run(Seen(*np.array(due[: -5 if peer is LOSING else None], np.int64).T), 0.8)


@pytest.fixture(scope="module")
def result() -> compare.Result:
    return compare.measure("hand-on", LOAD, [PEERS[0], OTHER, LOSING, BROKEN, ABSENT], 3, lambda _: None, _fake)


def test_a_ratio_is_ours_over_theirs(result: compare.Result) -> None:
    assert result.peers["other"].ratios["p50"].median == pytest.approx(0.5)
    assert result.peers["other"].ratios["p99"].highest == pytest.approx(0.5)
    assert not result.peers[OURS].ratios
    assert compare.ratio([1.0, 3.0, 2.0], [1.0, 1.0, 4.0]) == compare.Ratio(1.0, 0.5, 3.0)


def test_the_first_second_does_not_count(result: compare.Result) -> None:
    wanted = sum(t >= 1e9 for t, _, _ in LOAD.due())
    assert result.peers["other"].n == 3 * wanted
    assert result.peers["other"].cpu_us == pytest.approx(1000.0)


def test_what_was_lost_is_told(result: compare.Result) -> None:
    assert result.peers["losing"].missing == 15
    assert result.peers["other"].missing == 0


def test_what_failed_or_is_absent_counts_neither_way(result: compare.Result) -> None:
    assert result.peers["broken"].failed == "it fell over"
    assert not result.peers["broken"].ratios
    assert result.absent == {"absent": "pip install nobody"}
    assert any("pip install nobody" in line for line in report.remarks(result))


def test_the_report_holds_tables_and_plots_and_reads_back(result: compare.Result, tmp_path: Path) -> None:
    found = report.Comparisons(cases={"ecg": result})
    report.write(found, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<svg") == 1
    assert "broken failed: it fell over" in page
    assert msgspec.json.decode((tmp_path / "result.json").read_bytes(), type=report.Comparisons) == found
    assert len(report.tables(found)) == 1


@pytest.mark.parametrize("case", ["hand-on", "filter", "three-steps"])
def test_every_peer_that_is_here_gives_every_message(case: str) -> None:
    load = Load(kind="frames" if case == "three-steps" else "ecg", streams=2, seconds=1.5, filtered=case == "filter")
    names = {OURS, "pyzmq loop"} if case != "three-steps" else {OURS, "Holoscan"}
    for peer in of_case(case, frames=load.kind == "frames"):  # type: ignore[arg-type]
        if peer.name in names and peer.installed:
            seen = run(peer, load).seen
            assert len(compare.warm(load, Run(seen, None))) == sum(t >= 1e9 for t, _, _ in load.due()), peer.name


@pytest.mark.parametrize("name", ["LSL", "Timeflux, 1 kHz", "Ray actors"])
def test_a_peer_of_the_extra_gives_every_message(name: str) -> None:
    peer = next(peer for peer in PEERS if peer.name == name)
    if not peer.installed:
        pytest.skip(f"{name} is not installed: {peer.install}")
    load = Load(streams=2, seconds=2.0)
    assert len(run(peer, load).seen.n) == load.streams * load.messages


def test_a_peer_that_cannot_start_is_one_clear_error() -> None:
    peer = Peer("none", "pyzmq", "zmq", "no_such_file", frozenset({"hand-on"}), ("all",), True)
    with pytest.raises(HeartwireError, match=r"none: its process all ended before it was ready: .*no_such_file"):
        run(peer, LOAD)
