"""The evaluation on a small database with known findings, from records to tables, page and files."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress

from heartwire.benchmarks.accuracy import mitdb_run, mitdb_tables, peer_run
from heartwire.benchmarks.accuracy.beat_score import Beats, score_beats
from heartwire.benchmarks.accuracy.mitdb_page import mitdb_page
from heartwire.benchmarks.accuracy.mitdb_result import LEARNED, WHOLE, MitdbResult
from heartwire.benchmarks.accuracy.mitdb_run import cross_check, evaluate, histogram
from heartwire.benchmarks.accuracy.peers import PEERS
from heartwire.engine.errors import SourceError


@pytest.fixture
def result(known_processor: None, small_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MitdbResult:
    monkeypatch.setattr(mitdb_run, "network_costs", lambda _: [])
    monkeypatch.setattr(mitdb_run, "installed_peers", lambda: ([PEERS[0]], ["Nobody (nothing)"]))
    with Progress(disable=True) as progress:
        return evaluate(small_data, progress, keep=tmp_path / "kept")


def test_stages_classes_and_records_are_scored_each_on_its_own(result: MitdbResult, tmp_path: Path) -> None:
    whole = result.stages["confirmed"].qrs[WHOLE]
    assert {title: (q.records, q.beats, q.fn, q.fp) for title, q in whole.items()} == {
        "all records": (2, 132, 2, 0),
        "not paced": (2, 132, 2, 0),
        "DS1 (training)": (1, 66, 1, 0),
        "DS2 (test)": (1, 66, 1, 0),
    }
    assert result.stages["provisional"].qrs[WHOLE]["all records"].tp == 130
    assert result.stages["confirmed"].qrs[LEARNED]["all records"].beats == 0
    delays = {stage: figures.delay_ms for stage, figures in result.stages.items()}
    assert delays["confirmed"] is not None
    assert delays["provisional"] is not None
    assert delays["confirmed"].median == pytest.approx(65 / 0.36, abs=0.01)
    assert delays["provisional"].median == pytest.approx(13 / 0.36, abs=0.01)
    place = result.stages["confirmed"].errors_ms
    assert place is not None
    assert place.mean == pytest.approx(2 / 0.36, abs=0.01)
    test = {labelling: sets["DS2 (test)"] for labelling, sets in result.classes.items()}
    assert (test["immediate"]["S"].fp, test["revised"]["S"].fp) == (1, 0)
    assert (test["revised"]["V"].tp, test["revised"]["V"].fn, test["revised"]["V"].fp) == (0, 1, 1)
    assert result.confusion["immediate"][0] == [62, 1, 1, 0, 0, 1]
    assert result.confusion["revised"][0] == [63, 0, 1, 0, 0, 1]
    assert result.beats["DS2 (test)"] == {"N": 65, "S": 0, "V": 1, "F": 0, "Q": 0}
    assert all((c.tp, c.fn, c.fp) == (0, 0, 0) for c in result.cross_check.values())
    assert list(result.per_record) == ["101", "232"]
    assert (tmp_path / "kept" / "232.hw").is_file()


def test_the_curve_has_a_point_for_each_look_ahead_and_one_is_shipped(result: MitdbResult) -> None:
    assert [p.lookahead_ms for p in result.lookahead] == [40.0, 80.0, 104.0, 160.0]
    assert sum(p.shipped for p in result.lookahead) == 1
    assert all(p.qrs.beats == 132 for p in result.lookahead)


def test_peers_are_scored_on_the_same_records(result: MitdbResult) -> None:
    assert list(result.peers) == [peer_run.OURS, peer_run.OURS_ONE_LEAD, peer_run.OURS_QRS, "XQRS"]
    assert result.peers["XQRS"].sets["all records"].beats == 132
    assert result.peers["XQRS"].delay_ms is None
    assert result.peers[peer_run.OURS].delay_ms == result.stages["confirmed"].delay_ms
    assert result.peers_absent == ["Nobody (nothing)"]


def test_the_result_reads_back_and_is_shown_within_140_columns_and_on_a_page(result: MitdbResult) -> None:
    again = msgspec.json.decode(msgspec.json.encode(result), type=MitdbResult)
    assert again == result
    console = Console(record=True, width=140, file=Path("/dev/null").open("w"))  # noqa: SIM115
    for table in mitdb_tables.tables(result):
        console.print(table)
    console.file.close()
    text = console.export_text()
    assert "…" not in text
    for said in ("DS1 (training)", "104 shipped", "XQRS", "Not installed: Nobody", "2 of 2 records counted alike"):
        assert said in text
    page = mitdb_page(result)
    assert page.count("<svg") == 6
    assert "<script" not in page
    assert "http" not in page.split("</style>")[1].replace("http://www.w3.org", "")


@pytest.mark.usefixtures("known_processor")
def test_without_peers_there_are_none_and_records_can_be_chosen(
    small_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mitdb_run, "network_costs", lambda _: [])
    with Progress(disable=True) as progress:
        result = evaluate(small_data, progress, records=["101"], peers=False)
        with pytest.raises(SourceError, match="no record 102"):
            evaluate(small_data, progress, records=["102"], peers=False)
    assert (result.records, result.peers, result.peers_absent) == (["101"], {}, [])
    assert not np.any(result.confusion["immediate"])
    assert mitdb_page(result)


def test_a_difference_to_the_count_of_wfdb_shows() -> None:
    reference, found = Beats.unclassed(np.array([100, 160])), Beats.unclassed(np.array([130, 158, 190]))
    ours = score_beats(reference, found, 360.0)
    check = cross_check(reference, found, 360.0, ours)
    assert check.tp == -check.fn == -check.fp


def test_what_lies_outside_of_a_histogram_is_in_its_outermost_bins() -> None:
    bins = histogram(np.array([-5.0, 0.5, 1.5, 99.0]), np.array([0.0, 1.0, 2.0]))
    assert bins.counts == [2, 2]
