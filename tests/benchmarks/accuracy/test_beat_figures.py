"""What holds for the figures of beats."""

from __future__ import annotations

import numpy as np
import pytest

from heartwire.benchmarks.accuracy.beat_figures import class_figures, errors, qrs_figures, record_sets, spread
from heartwire.benchmarks.accuracy.beat_score import BeatScore
from heartwire.models.ecg.recordings import DS1, DS2, PACED


def confusion(**cells: int) -> BeatScore:
    """Make a score of cells as in `Nv=3`: reference N, detected V; O is none."""
    counts = np.zeros((6, 6), np.int64)
    for cell, n in cells.items():
        counts["NSVFQO".index(cell[0]), "nsvfqo".index(cell[1])] = n
    return BeatScore(counts)


def test_gross_is_over_beats_and_average_over_records() -> None:
    figures = qrs_figures([confusion(Nn=90, No=10), confusion(Nn=10, On=10), confusion(On=5)])
    assert (figures.records, figures.beats, figures.tp, figures.fn, figures.fp) == (3, 110, 100, 10, 15)
    assert figures.se == pytest.approx(100 / 110)
    assert figures.average_se == pytest.approx((0.9 + 1.0) / 2)
    assert figures.average_p == pytest.approx((1.0 + 0.5 + 0.0) / 3)


def test_the_figures_of_v_and_s_are_those_of_bxb() -> None:
    score = confusion(Nn=100, Nv=4, Ns=3, Sv=2, Ss=8, Vv=20, Vn=1, Vo=2, Fv=5, Ff=1, Qv=1, Qs=2, Ov=3, On=6)
    v = class_figures(score)["V"]
    assert (v.beats, v.tp, v.fn, v.fp) == (23, 20, 3, 15)
    assert v.p == pytest.approx(20 / 35)
    assert v.p_ec57 == pytest.approx(20 / (20 + 4 + 2 + 3))
    true_negative = 100 + 3 + 8 + 1 + 2 + 6
    assert v.fpr == pytest.approx(15 / (15 + true_negative))
    assert v.fpr_ec57 == pytest.approx(9 / (9 + true_negative))
    s = class_figures(score)["S"]
    assert s.p_ec57 == pytest.approx(8 / (8 + 3))
    assert class_figures(score)["N"].p_ec57 is None


def test_times_are_summarised_or_absent() -> None:
    delays = spread(np.arange(101.0))
    assert delays is not None
    assert (delays.median, delays.p95, delays.p99) == (50.0, 95.0, 99.0)
    place = errors(np.array([-4.0, 0.0, 2.0]))
    assert place is not None
    assert (place.median_abs, place.mean) == (2.0, pytest.approx(-0.667))
    assert spread(np.empty(0)) is None
    assert errors(np.empty(0)) is None


def test_records_fall_into_the_sets_of_the_field() -> None:
    everything = sorted((*DS1, *DS2, *PACED))
    sets = {title: len(names) for title, names in record_sets(everything).items()}
    assert list(sets.values()) == [48, 44, 22, 22, 21, 4]
    assert list(record_sets(["100"])) == ["all records", "not paced", "DS2 (test)", "DS2 without 232"]
