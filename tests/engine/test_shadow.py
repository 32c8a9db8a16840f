"""A candidate beside a live run: the same weights agree wholly, and the run does not know of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from heartwire.engine.config import Config, EngineConfig, StreamConfig
from heartwire.engine.errors import ConfigError, ModelError
from heartwire.engine.shadow import Shadow
from heartwire.engine.shadow_report import ShadowReport, kept
from heartwire.engine.supervisor import Summary, Supervisor

STREAM = "bed-1/ecg"
ECG = {"kind": "simulated-ecg", "script": "sinus 90 for 4s; pvc; vt 180 for 8s", "seed": 3, "seconds": 9.0}


def test_the_same_weights_find_the_same_and_others_do_not_fit(tmp_path: Path) -> None:
    config = Config(engine=EngineConfig(snapshot_s=0.3), stream=[StreamConfig(id=STREAM, source=ECG)])
    reports: list[ShadowReport] = []
    refused: list[str] = []

    def shadow(supervisor: Supervisor) -> None:
        for setting, model in (("qrs_model", "ecg-vf"), ("nonsense", "ecg-vf")):
            try:
                Shadow(supervisor.plan, STREAM, setting, model)
            except (ConfigError, ModelError) as error:
                refused.append(str(error))
        with Shadow(supervisor.plan, STREAM, "beat_model", "ecg-beats") as beside:
            reports.append(beside.run(lambda: False))

    thread: list[threading.Thread] = []

    with Supervisor(config, tmp_path, lambda _: None) as supervisor:

        def progress(_: Summary) -> None:
            if not thread and supervisor.plan.snapshot_path(STREAM).exists():
                thread.append(threading.Thread(target=shadow, args=(supervisor,)))
                thread[0].start()

        summary = supervisor.run(lambda: False, progress)
        thread[0].join()
    (report,) = reports
    assert list(kept(supervisor.plan)) == reports
    assert len(refused) == 2
    assert summary.balanced
    assert not summary.restarts
    assert report.running == report.candidate
    assert report.counts["beat confirmed"].agree > 3
    assert all((c.differ, c.only_running, c.only_candidate) == (0, 0, 0) for c in report.counts.values())
    assert (report.dropped, report.differences) == (0, [])
    assert set(report.latency) == {"running", "candidate"}


def test_a_worker_that_has_saved_nothing_yet_is_told(tmp_path: Path) -> None:
    with (
        Supervisor(Config(stream=[StreamConfig(id=STREAM, source=ECG)]), tmp_path, lambda _: None) as supervisor,
        pytest.raises(ConfigError, match="has saved nothing of bed-1/ecg yet"),
    ):
        Shadow(supervisor.plan, STREAM, "qrs_model", "ecg-qrs")
