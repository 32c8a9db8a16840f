"""The rhythm of a bed outlives the dashboard, and not the run."""

from __future__ import annotations

from pathlib import Path

from heartwire.engine.config import StreamConfig
from heartwire.engine.messages import HeartRate, Rhythm, Trace
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.last_rhythm import LastRhythm

BED = StreamConfig(id="bed-1/ecg")


def rhythm(label: str, sample: int = 100, published_ns: int = 0) -> Rhythm:
    trace = Trace(published_ns=published_ns)
    return Rhythm(stream=BED.id, sample=sample, decision_sample=sample + 10, label=label, trace=trace)


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


def test_of_what_was_found_before_the_dashboard_began_the_rhythm_counts_and_nothing_else() -> None:
    board = Board([BED])
    view = board.views[0]
    assert isinstance(view, BedView)
    before, after = Trace(published_ns=1), Trace(published_ns=2**62)
    rate = HeartRate(stream=BED.id, sample=100, decision_sample=110, rate_bpm=150.0, trace=before)
    board.take(rhythm("VF", published_ns=1), arrived_ns=2)
    board.take(rate, arrived_ns=2)
    assert view.rhythm.known is not None
    assert view._heart_rate is None
    rate.trace = after
    board.take(rate, arrived_ns=3)
    assert view._heart_rate is rate
