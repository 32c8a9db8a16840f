"""What holds for the scoring of beats."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from heartwire.benchmarks.accuracy.beat_score import CLASSES, Beats, BeatScore, Score, score_beats, within

RATE_HZ = 360.0


def beats(samples: list[int], classes: str, decisions: list[int] | None = None) -> Beats:
    return Beats(
        np.array(samples, np.int64),
        np.array([CLASSES.index(c) for c in classes], np.int64),
        None if decisions is None else np.array(decisions, np.int64),
    )


some = st.lists(st.tuples(st.integers(0, 5000), st.sampled_from(CLASSES)), max_size=30, unique_by=lambda b: b[0]).map(
    lambda pairs: beats([s for s, _ in sorted(pairs)], "".join(c for _, c in sorted(pairs)))
)
spans = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 2000)).map(lambda s: (s[0], s[0] + s[1])), max_size=3)


@given(some, some)
def test_every_beat_and_every_detection_is_counted_once(reference: Beats, detected: Beats) -> None:
    score = score_beats(reference, detected, RATE_HZ)
    assert score.qrs.true_positive + score.qrs.false_negative == len(reference.samples)
    assert score.qrs.true_positive + score.qrs.false_positive == len(detected.samples)
    for i, name in enumerate(CLASSES):
        of_class = score.of_class(name)
        assert of_class.true_positive + of_class.false_negative == (reference.classes == i).sum()
        assert of_class.true_positive + of_class.false_positive == (detected.classes == i).sum()
        assert of_class.false_positive + score.other_detections(name) == (
            len(detected.samples) - score.confusion[i, :-1].sum()
        )


@given(some, some, spans)
def test_of_the_references_exactly_those_outside_of_what_is_left_out_count(
    reference: Beats, detected: Beats, left_out: list[tuple[int, int]]
) -> None:
    score = score_beats(reference, detected, RATE_HZ, left_out=left_out)
    assert score.qrs.true_positive + score.qrs.false_negative == (~within(reference.samples, left_out)).sum()


@given(some)
def test_the_reference_scores_perfectly_against_itself(reference: Beats) -> None:
    score = score_beats(reference, reference, RATE_HZ)
    assert score.qrs.false_negative == score.qrs.false_positive == 0
    assert not (score.confusion - np.diag(np.diag(score.confusion))).any()
    assert not score.errors_ms.any()


def test_classes_are_scored_with_misses_and_false_detections() -> None:
    score = score_beats(
        beats([360, 720, 1080, 1440], "NVVS"),
        beats([360, 723, 1080, 1800], "NVNV", [400, 760, 1100, 1900]),
        RATE_HZ,
    )
    assert score.of_class("V") == Score(1, 1, 1)
    assert score.of_class("S") == Score(0, 1, 0)
    assert score.of_class("N") == Score(1, 0, 1)
    assert score.qrs == Score(3, 1, 1)
    assert score.qrs.f1 == pytest.approx(0.75)
    np.testing.assert_allclose(score.errors_ms, [0.0, 3 / 0.36, 0.0])
    np.testing.assert_allclose(score.delays_ms, [40 / 0.36, 40 / 0.36, 20 / 0.36])


def test_ec57_forgives_a_fusion_beat_taken_for_v() -> None:
    score = score_beats(beats([360, 720, 1080], "VFN"), beats([360, 720, 1080], "VVV"), RATE_HZ)
    assert score.of_class("V") == Score(1, 0, 2)
    assert score.of_class("V", forgiven="FQ") == Score(1, 0, 1)


def test_stretches_left_out_count_on_neither_side_and_a_pair_counts_by_its_reference() -> None:
    reference = beats([360, 1400, 1800, 3240], "NNNN")
    detected = beats([360, 1450, 1620, 1980, 3240], "NNVVN")
    assert score_beats(reference, detected, RATE_HZ, left_out=[(1440, 2160)]).qrs == Score(3, 0, 0)


def test_a_share_of_nothing_is_undefined() -> None:
    nothing = BeatScore().qrs
    assert nothing.sensitivity is None
    assert nothing.predictivity is None
    assert nothing.f1 is None


def test_records_add_up() -> None:
    one = score_beats(beats([360], "N"), beats([360], "N", [400]), RATE_HZ)
    two = score_beats(beats([360], "N"), beats([], "", []), RATE_HZ)
    total = BeatScore.total([one, two])
    assert (total.qrs.sensitivity, total.qrs.predictivity) == (0.5, 1.0)
    assert len(total.errors_ms) == len(total.delays_ms) == 1
