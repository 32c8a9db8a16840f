"""Tests of where workers run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heartwire.engine.config import Config, EngineConfig, StreamConfig
from heartwire.engine.placement import place, prefer
from heartwire.engine.plan import Plan, make_plan


def _plan(folder: Path, **engine: object) -> Plan:
    streams = [StreamConfig(id=f"bed-{n}/ecg", source={"kind": "simulated-ecg"}) for n in range(4)]
    return make_plan(Config(engine=EngineConfig(**engine), stream=streams), folder)  # type: ignore[arg-type]


def test_the_cores_are_shared_out_and_what_was_done_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[list[int]] = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3, 4})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: placed.append(list(cores)))
    plan = _plan(tmp_path, workers=2, pin=True)
    assert [place(plan, f"work-ecg-{n}") for n in (1, 2)] == [["runs on core 0, 2, 4"], ["runs on core 1, 3"]]
    assert placed == [[0, 2, 4], [1, 3]]


def test_a_priority_that_is_refused_is_told_and_the_worker_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    (note,) = place(_plan(tmp_path, realtime=10), "work-ecg")
    assert note == "real-time priority 10 refused (Operation not permitted): needs CAP_SYS_NICE"


def test_a_process_that_goes_before_others_does_so_with_its_threads_and_its_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[object, object] = {}
    monkeypatch.setattr(os, "setpriority", lambda _, thread, nice: given.update({thread: nice}))
    monkeypatch.setattr(Path, "write_text", lambda path, text: given.update({str(path): text}))
    assert prefer(_plan(tmp_path, nice=-15)) == ["nice -15"]
    assert given.pop("/proc/self/autogroup", "-15") == "-15"
    assert given == {int(thread): -15 for thread in os.listdir("/proc/self/task")}


def test_a_niceness_that_is_refused_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "setpriority", refuse)
    assert prefer(_plan(tmp_path, nice=-15)) == ["nice -15 refused (Permission denied): needs CAP_SYS_NICE"]


def test_nothing_is_changed_where_nothing_is_asked_for(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0), os.sched_getscheduler(0)
    assert place(_plan(tmp_path), "work-ecg") == []
    assert (os.sched_getaffinity(0), os.sched_getscheduler(0)) == before
