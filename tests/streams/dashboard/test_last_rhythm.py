"""The rhythm of a bed outlives the dashboard, and not the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from heartwire.engine import reports
from heartwire.engine.messages import HeartRate, Rhythm
from heartwire.streams.dashboard import records
from heartwire.streams.dashboard.last_rhythm import LastRhythm

BED = "bed-1/ecg"


def rhythm(label: str) -> Rhythm:
    return Rhythm(stream=BED, sample=100, decision_sample=110, label=label)


def test_the_last_rhythm_outlives_its_process_and_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "bed.rhythm"
    first = LastRhythm(path, epoch=7)
    assert first.known is None
    for label in ("N", "VF"):
        first.take(rhythm(label))
        first.write()
    with path.open("ab") as file:
        file.write(b'[7, {"lab')
    assert LastRhythm(path, epoch=7).known == rhythm("VF")


def test_the_rhythm_of_another_run_is_not_taken_over(tmp_path: Path) -> None:
    first = LastRhythm(tmp_path / "bed.rhythm", epoch=7)
    first.take(rhythm("VF"))
    first.write()
    assert LastRhythm(tmp_path / "bed.rhythm", epoch=8).known is None


def test_of_what_was_found_before_the_dashboard_began_the_rhythm_counts_and_nothing_else(
    run_dir: Path, start_run: Any
) -> None:
    run = start_run(run_dir)
    # Its process has only been started: it begins later than this.
    run.publish("work-ecg", rhythm("VF"))
    run.publish("work-ecg", HeartRate(stream=BED, sample=1_000_000, decision_sample=1_000_000, rate_bpm=150.0))
    assert isinstance(run.report(), reports.Ready)
    found = {}
    with run.page() as page:
        for record in run.read_while(page, run.feed_ecg, records.STATUS):
            found = msgspec.json.decode(record.body)["streams"][0]
            if found["rhythm"]:
                break
        # What came in order after it would have been there with it.
        assert found["rhythm"] == "VF"
        run.publish("work-ecg", rhythm("N"))
        for record in run.read_while(page, run.feed_ecg, records.STATUS):
            found = msgspec.json.decode(record.body)["streams"][0]
            if found["rhythm"] == "N":
                break
        assert found["heart_rate_bpm"] is None
