"""Stalls of the machine: what one touches is told apart, and a stall that was made is seen."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.benchmarks.stalls import Stalls, watch

_SPANS = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)), max_size=20)


def _spans(pairs: list[tuple[int, int]]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    start_ns = np.array([start for start, _ in pairs], np.int64)
    return start_ns, start_ns + np.array([lasts for _, lasts in pairs], np.int64)


@given(_SPANS, _SPANS)
def test_a_span_is_touched_where_any_stall_overlaps_it(
    stalled: list[tuple[int, int]], asked: list[tuple[int, int]]
) -> None:
    found = Stalls(*_spans(stalled)).touched(*_spans(asked))
    assert found.tolist() == [
        any(start <= at + lasts and at <= start + stall for start, stall in stalled) for at, lasts in asked
    ]


def test_what_was_lost_is_of_the_stalls_that_began_within() -> None:
    stalls = Stalls(np.array([7_000_000, 1_000_000], np.int64), np.array([9_000_000, 4_000_000], np.int64))
    assert stalls.lost_ms(0, 8_000_000) == 5.0
    assert stalls.lost_ms(2_000_000, 8_000_000) == 2.0
    assert Stalls(*_spans([])).lost_ms(0, 10) == 0.0


def test_a_core_that_stood_still_is_seen(tmp_path: Path) -> None:
    with watch(tmp_path) as cores:
        if cores is None:
            pytest.skip("this system grants no real-time priority")
        process = cores.processes[0]
        start_ns = time.monotonic_ns()
        os.kill(process.pid, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        stopped_ns = time.monotonic_ns()
        while time.monotonic_ns() < stopped_ns + 20_000_000:
            pass
        os.kill(process.pid, signal.SIGCONT)
        deadline_s = time.monotonic() + 10
        while cores.stalls().lost_ms(start_ns - 10_000_000, stopped_ns + 10_000_000) < 10:
            assert time.monotonic() < deadline_s


def test_without_real_time_priority_nothing_is_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with watch(tmp_path) as cores:
        assert cores is None
