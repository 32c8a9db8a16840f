"""What holds for the pairing of beats."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from heartwire.models.ecg.matching import Samples, match_beats, pairs_of_wfdb, window_samples

WINDOW = 54
crowded = st.lists(st.integers(0, 3000), max_size=40, unique=True).map(lambda s: np.array(sorted(s), np.int64))
paced = st.lists(st.integers(2 * WINDOW + 1, 400), max_size=30).map(lambda s: np.cumsum(np.array(s, np.int64)))


def test_a_detection_pairs_with_the_nearest_beat_within_the_window() -> None:
    reference = np.array([360, 720, 1080])
    detected = np.array([410, 778, 1062, 1098])
    np.testing.assert_array_equal(match_beats(reference, detected, window=WINDOW), [0, -1, 2])


def test_one_detection_never_serves_two_beats() -> None:
    np.testing.assert_array_equal(match_beats(np.array([360, 432]), np.array([400]), window=WINDOW), [-1, 0])


def test_the_window_is_150_ms_to_the_sample() -> None:
    assert window_samples(360.0) == 54
    assert window_samples(250.0) == 37
    reference = np.array([1000])
    assert match_beats(reference, np.array([1054]), window=54).tolist() == [0]
    assert match_beats(reference, np.array([1055]), window=54).tolist() == [-1]


@given(crowded, crowded)
def test_pairs_are_one_to_one_and_within_the_window(reference: Samples, detected: Samples) -> None:
    partner = match_beats(reference, detected, window=WINDOW)
    found = partner >= 0
    assert len(set(partner[found])) == found.sum()
    assert (np.abs(detected[partner[found]] - reference[found]) <= WINDOW).all()


@given(crowded, crowded)
def test_it_does_not_matter_which_side_is_the_reference(reference: Samples, detected: Samples) -> None:
    there = {(r, d) for r, d in enumerate(match_beats(reference, detected, window=WINDOW)) if d >= 0}
    back = {(r, d) for d, r in enumerate(match_beats(detected, reference, window=WINDOW)) if r >= 0}
    assert there == back


@given(crowded, crowded)
def test_no_two_that_are_not_paired_lie_nearer_than_their_partners(reference: Samples, detected: Samples) -> None:
    partner = match_beats(reference, detected, window=WINDOW)
    of_reference = np.where(partner >= 0, np.abs(detected[partner] - reference), np.inf) if len(detected) else []
    of_detected = np.full(len(detected), np.inf)
    for r, d in enumerate(partner):
        if d >= 0:
            of_detected[d] = of_reference[r]
    for r in range(len(reference)):
        for d in range(len(detected)):
            distance = abs(int(reference[r] - detected[d]))
            assert distance > WINDOW or distance >= min(of_reference[r], of_detected[d])


@given(paced, st.integers(0, 2**32), st.floats(0, 1))
def test_wfdb_counts_the_same_pairs_where_beats_lie_apart(reference: Samples, seed: int, kept: float) -> None:
    random = np.random.default_rng(seed)
    detected = reference[random.random(len(reference)) < kept]
    detected = np.unique(np.maximum(detected + random.integers(-WINDOW // 2, WINDOW // 2 + 1, len(detected)), 0))
    ours = int((match_beats(reference, detected, window=WINDOW) >= 0).sum())
    assert pairs_of_wfdb(reference, detected, window=WINDOW) == ours


def test_wfdb_takes_the_window_in_as_we_do() -> None:
    for distance, pairs in ((54, 1), (55, 0)):
        reference, detected = np.array([1000, 2000]), np.array([1000 + distance])
        assert pairs_of_wfdb(reference, detected, window=54) == pairs
    assert pairs_of_wfdb(np.empty(0, np.int64), np.array([5]), window=54) == 0
