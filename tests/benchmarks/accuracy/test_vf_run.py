from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from heartwire.benchmarks.accuracy import vf_run, vf_windows
from heartwire.benchmarks.accuracy.vf import Alarm, EpisodeScore, Span
from heartwire.engine.errors import SourceError
from heartwire.engine.messages import AlarmChange, AlarmEvent, Beat, Finding
from heartwire.models.catalogue import WEIGHTS, read_card
from heartwire.models.ecg.rhythm_windows import FOLDS


def change(condition: str, change: AlarmChange, decision: int) -> AlarmEvent:
    return AlarmEvent(
        stream="s",
        condition=condition,
        mdc=None,
        kind="physiological",
        priority="high",
        change=change,
        onset_sample=decision,
        decision_sample=decision,
        algorithmic_delay_s=0.0,
    )


def test_alarms_are_on_from_their_decision_until_they_end_or_latch_or_the_record_ends() -> None:
    beat = Beat(stream="s", sample=1, decision_sample=2, label="V", confidence=1.0)
    found: list[Finding] = [
        change("VT", "on", 250),
        beat,
        change("TACHY", "on", 300),
        change("VT", "latched", 500),
        change("VF", "on", 500),
        change("VT", "on", 1000),
        change("VF", "off", 1250),
    ]
    assert vf_run.ventricular_alarms(found, 250.0, 10.0) == [Alarm(1.0, 2.0), Alarm(2.0, 5.0), Alarm(4.0, 10.0)]


def test_figures_and_tables_tell_carried_and_missed_episodes_apart() -> None:
    score = EpisodeScore([Span(10, 20), Span(30, 40), Span(50, 60)], [3.0], 1, 2, 1, 3600.0)
    f = vf_run.figures([score])
    assert (f.episodes, f.alarmed, f.carried, f.median_delay_s, f.false_per_hour) == (3, 2, 1, 3.0, 2.0)
    console = Console(record=True, width=160, file=Path("/dev/null").open("w"))  # noqa: SIM115
    result = vf_run.VfResult(sets={"all": f}, per_record={"vfdb/418": f}, windows=vf_windows.added([]))
    for table in vf_run.tables(result):
        console.print(table)
    console.file.close()
    text = console.export_text()
    assert "vfdb/418" in text
    assert "2/3" in text


def test_a_folder_without_vfdb_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no vfdb records"), Progress(disable=True) as progress:
        vf_run.evaluate(tmp_path, progress)


def test_each_fold_names_the_records_that_it_has_not_seen() -> None:
    for fold, names in enumerate(FOLDS):
        split = read_card(WEIGHTS / "folds" / f"ecg-vf-{fold}.onnx").split
        assert all(name in split for name in names)
