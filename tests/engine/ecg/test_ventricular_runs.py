from __future__ import annotations

import pytest

from heartwire.engine.ecg.ventricular_runs import VentricularRuns

RATE_HZ = 100.0


class Beats:
    def __init__(self) -> None:
        self.runs = VentricularRuns(RATE_HZ, 5, 100.0)
        self.now = 0
        self.likely = False

    def give(self, labels: str, interval: int = 80) -> bool:
        in_run = False
        for label in labels:
            self.now += interval
            self.runs.beat(self.now, ventricular=label == "V")
            in_run = self.runs.decide(self.now + 15, likely=lambda: self.likely)
        return in_run


def test_five_fast_ventricular_beats_that_break_into_a_slower_rhythm_are_tachycardia() -> None:
    beats = Beats()
    assert not beats.give("N" * 8)
    assert not beats.give("VVVV", 50)
    first = beats.now - 3 * 50
    assert beats.give("V", 50)
    assert beats.runs.onset == first
    assert beats.runs.running


@pytest.mark.parametrize(
    ("before", "interval", "run"),
    [("N" * 8, 52, 50), ("V-VV-VVN", 80, 50), ("N" * 8, 80, 65), ("NN", 80, 50)],
    ids=["no quicker", "no rhythm of other beats", "too slow", "unknown before"],
)
def test_other_runs_are_not_unless_they_are_fast_and_the_network_finds_it_possible(
    before: str, interval: int, run: int
) -> None:
    beats = Beats()
    beats.give(before, interval)
    assert not beats.give("VVVVVV", run)
    beats.likely = True
    assert beats.give("V", run) == (run <= 50)


def test_one_longer_interval_does_not_break_a_run() -> None:
    beats = Beats()
    beats.give("N" * 8)
    beats.give("VV", 50)
    beats.give("V", 66)
    assert beats.give("VV", 50)


def test_tachycardia_ends_with_the_third_other_beat_or_with_silence() -> None:
    beats = Beats()
    beats.give("N" * 8)
    beats.give("VVVVV", 50)
    beats.give("NN")
    assert beats.runs.running
    beats.give("N")
    assert not beats.runs.running
    beats.give("N" * 5)
    beats.give("VVVVV", 50)
    beats.runs.decide(beats.now + 200, likely=lambda: False)
    assert not beats.runs.running


def test_no_run_goes_on_across_missing_samples_and_a_snapshot_restores_it() -> None:
    beats, other = Beats(), Beats()
    beats.give("N" * 8)
    beats.give("VVVV", 50)
    other.runs.restore(beats.runs.snapshot())
    other.now = beats.now
    beats.runs.interrupt()
    assert not beats.give("V", 50)
    assert other.give("V", 50)
