"""The search finds the largest number that meets the target, within its tolerance, and tries none twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heartwire.benchmarks.search import largest


@given(
    truth=st.integers(0, 5000), start=st.integers(1, 300), limit=st.integers(1, 4096), tolerance=st.floats(0.001, 0.5)
)
def test_the_answer_met_the_target_and_is_near_the_true_one(
    truth: int, start: int, limit: int, tolerance: float
) -> None:
    tried: list[int] = []

    def meets(number: int) -> bool:
        tried.append(number)
        return number <= truth

    found = largest(meets, start=start, limit=limit, tolerance=tolerance)
    best = min(truth, limit)
    assert len(set(tried)) == len(tried)
    assert all(1 <= number <= limit for number in tried)
    assert found == 0 or found in tried
    assert found <= best
    assert best - found <= max(1.0, tolerance * found)


def test_where_everything_meets_the_limit_is_the_answer() -> None:
    assert largest(lambda _: True, start=16, limit=100) == 100


def test_where_nothing_meets_the_answer_is_nothing() -> None:
    assert largest(lambda _: False, start=16, limit=100) == 0
