"""Tests of sharing the streams out to processes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from heartwire.engine.config import Config, EngineConfig, StreamConfig
from heartwire.engine.plan import make_plan


def _config(n_beds: int, workers: int = 0, worker: str = "") -> Config:
    source = {"kind": "simulated-ecg"}
    streams = [StreamConfig(id=f"bed-{n}/ecg", source=source, worker=worker) for n in range(n_beds)]
    return Config(engine=EngineConfig(workers=workers), stream=streams)


@pytest.mark.parametrize(
    ("n_beds", "n_cores", "workers", "expected"),
    [(8, 2, 0, 1), (64, 2, 0, 1), (65, 2, 0, 2), (500, 2, 0, 2), (500, 16, 0, 8), (500, 1, 0, 1), (3, 2, 3, 3)],
)
def test_many_beds_are_shared_among_as_many_workers_as_there_are_cores(
    n_beds: int, n_cores: int, workers: int, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n_cores)))
    plan = make_plan(_config(n_beds, workers), tmp_path)
    assert len(plan.workers) == expected
    sizes = [len(streams) for streams in plan.workers.values()]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(s for streams in plan.workers.values() for s in streams) == sorted(s.id for s in plan.config.stream)
    assert list(plan.feeders) == ["feed-ecg"]


def test_workers_that_the_configuration_names_are_left_as_they_are(tmp_path: Path) -> None:
    assert list(make_plan(_config(200, worker="all"), tmp_path).workers) == ["work-all"]


def test_ecg_sources_share_a_feeder_and_others_do_where_it_is_named(tmp_path: Path) -> None:
    ids = {"bed-1/ecg": "", "bed-2/ecg": "", "lab-1/xray": "", "lab-2/xray": "labs", "lab-3/xray": "labs"}
    streams = [StreamConfig(id=name, source={"kind": "simulated-ecg"}, feeder=feeder) for name, feeder in ids.items()]
    streams.append(StreamConfig(id="bed-3/ecg", source={"kind": "simulated-ecg"}, paced=False))
    assert make_plan(Config(stream=streams), tmp_path).feeders == {
        "feed-ecg": ["bed-1/ecg", "bed-2/ecg"],
        "feed-lab-1-xray": ["lab-1/xray"],
        "feed-labs": ["lab-2/xray", "lab-3/xray"],
        "feed-ecg-unpaced": ["bed-3/ecg"],
    }
