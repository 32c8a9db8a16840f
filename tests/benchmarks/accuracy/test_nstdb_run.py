"""The evaluation on a small noise database with known findings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from rich.console import Console
from rich.progress import Progress

from heartwire.benchmarks.accuracy import nstdb_run, nstdb_tables
from heartwire.benchmarks.accuracy.mitdb_result import LEARNED, WHOLE
from heartwire.benchmarks.accuracy.nstdb_page import nstdb_page
from heartwire.benchmarks.accuracy.nstdb_run import BOTH, NstdbResult, evaluate, read_name
from heartwire.benchmarks.accuracy.peers import PEERS
from heartwire.engine.errors import SourceError


@pytest.fixture
def result(known_processor: None, small_data: Path, monkeypatch: pytest.MonkeyPatch) -> NstdbResult:
    monkeypatch.setattr(nstdb_run, "installed_peers", lambda: ([PEERS[0]], []))
    with Progress(disable=True) as progress:
        return evaluate(small_data, progress)


def test_names_tell_the_patient_and_the_ratio() -> None:
    assert read_name("118e24") == ("118", 24)
    assert read_name("119e_6") == ("119", -6)
    assert read_name("118e00") == ("118", 0)
    with pytest.raises(ValueError, match="not named as"):
        read_name("118")


def test_each_ratio_has_its_point_the_highest_first(result: NstdbResult) -> None:
    points = result.stages["confirmed"][WHOLE]
    assert [(p.snr_db, list(p.qrs)) for p in points] == [(12, ["118", BOTH]), (-6, ["119", BOTH])]
    assert (points[0].qrs[BOTH].beats, points[0].qrs[BOTH].fn) == (66, 1)
    assert result.stages["confirmed"][LEARNED][0].qrs[BOTH].beats == 0
    assert set(result.stages) == {"provisional", "confirmed"}


def test_the_mask_takes_its_second_and_the_beats_in_it(result: NstdbResult) -> None:
    point = result.masked[0]
    assert point.masked_share == pytest.approx(360 / 21_000)
    assert point.qrs.beats == 65


def test_the_result_reads_back_and_is_shown_within_140_columns_and_on_a_page(result: NstdbResult) -> None:
    assert msgspec.json.decode(msgspec.json.encode(result), type=NstdbResult) == result
    console = Console(record=True, width=140, file=Path("/dev/null").open("w"))  # noqa: SIM115
    for table in nstdb_tables.tables(result):
        console.print(table)
    console.file.close()
    text = console.export_text()
    assert "…" not in text
    assert "XQRS" in text
    assert nstdb_page(result).count("<svg") == 1


def test_a_folder_without_records_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no records in"), Progress(disable=True) as progress:
        evaluate(tmp_path, progress)
