"""The account of a stream explains every sample."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.ledger import Ledger

counts = st.integers(0, 10_000)


@given(counts, counts, counts, counts)
def test_what_arrived_and_was_not_decided_on_is_in_flight(
    processed: int, stale: int, missing: int, waiting: int
) -> None:
    ledger = Ledger("bed-1/ecg")
    ledger.offered(processed + stale + waiting)
    ledger.processed(processed)
    ledger.dropped("stale", stale)
    ledger.missing(missing)
    report = ledger.report()
    assert report.in_flight == waiting
    assert report.offered == processed + stale + missing + waiting
    assert report.offered == report.processed + sum(report.dropped.values()) + report.missing + report.in_flight
    assert ledger.balance()


def test_drops_are_counted_by_cause() -> None:
    ledger = Ledger("lab-1/xray")
    ledger.offered(6)
    ledger.dropped("stale", 1)
    ledger.dropped("superseded", 2)
    ledger.dropped("stale", 3)
    assert ledger.report().dropped == {"stale": 4, "superseded": 2}
    assert ledger.balance()


def test_counting_twice_does_not_balance() -> None:
    ledger = Ledger("bed-1/ecg")
    ledger.offered(10)
    ledger.processed(11)
    assert ledger.discrepancy == 1
    assert not ledger.balance()


def test_the_sources_own_count_shows_what_never_arrived() -> None:
    ledger = Ledger("bed-1/ecg")
    ledger.offered(90)
    ledger.processed(90)
    ledger.ended(100)
    assert ledger.discrepancy == 10
    assert not ledger.balance()
    assert ledger.report(final=True).offered == 100
    ledger.missing(10)
    assert ledger.balance()


def test_nothing_may_be_in_flight_at_the_end() -> None:
    ledger = Ledger("bed-1/ecg")
    ledger.offered(10)
    assert ledger.balance()
    ledger.ended(10)
    assert not ledger.balance()
    ledger.processed(10)
    assert ledger.balance()


def test_a_restored_account_goes_on() -> None:
    ledger, other = Ledger("bed-1/ecg"), Ledger("bed-1/ecg")
    ledger.offered(10)
    ledger.processed(4)
    ledger.dropped("processor", 1)
    ledger.missing(3)
    ledger.ended(13)
    other.restore(ledger.snapshot())
    assert other.report() == ledger.report()
    other.dropped("processor", 5)
    assert other.balance()
    assert "13 offered = 4 processed + 6 dropped + 3 missing + 0 in flight" in repr(other)
