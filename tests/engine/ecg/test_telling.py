"""A beat is told provisional, confirmed with its class, and again where the next one gives it another class."""

from __future__ import annotations

import pytest

from heartwire.engine.ecg import telling
from heartwire.engine.ecg.beat_class import Verdict
from heartwire.engine.ecg.qrs import RPeak
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.ecg.telling import BeatTeller
from heartwire.engine.inference import Model
from heartwire.engine.messages import Beat
from heartwire.engine.stacking import Asking, alone

RATE_HZ = 360.0
SIGNAL = Tail(256, 4)


class Scripted:
    """Gives the verdicts of a script, and notes what it was given."""

    verdicts: list[tuple[Verdict, Verdict | None]]

    def __init__(self, model: object, signal: object) -> None:
        self.reset()

    def reset(self) -> None:
        self.n = 0
        self.places: list[float] = []

    def asking(self, at: float, n: int) -> Asking[tuple[Verdict, Verdict | None]]:
        self.places.append(at)
        self.n += 1
        return self.verdicts[self.n - 1]
        yield

    def snapshot(self) -> bytes:
        return bytes([self.n])

    def restore(self, state: bytes) -> None:
        self.n = state[0]


@pytest.fixture
def teller(monkeypatch: pytest.MonkeyPatch) -> BeatTeller:
    monkeypatch.setattr(telling, "BeatClassifier", Scripted)
    n, s, v = Verdict("N", 0.9), Verdict("S", 0.6), Verdict("V", 0.5)
    Scripted.verdicts = [(n, None), (n, n), (v, s), (n, v), (n, s)]
    return BeatTeller("s", Model("ecg-vf", provider="cpu"), SIGNAL)


def tell(teller: BeatTeller, sample: int) -> list[tuple[str, int, int, str, float]]:
    peak = RPeak(0.0, sample * 250 / 360, 0, 0.5, True)
    beats = alone(teller.confirmed(peak, sample, sample + 70, RATE_HZ))
    return [(b.stage, b.sample, b.decision_sample, b.label, b.confidence) for b in beats]


def test_a_beat_is_revised_only_where_its_class_changes_and_before_the_next_is_told(teller: BeatTeller) -> None:
    assert tell(teller, 100) == [("confirmed", 100, 170, "N", 0.45)]
    assert tell(teller, 400) == [("confirmed", 400, 470, "N", 0.45)]
    assert tell(teller, 600) == [("revised", 400, 670, "S", 0.3), ("confirmed", 600, 670, "V", 0.25)]
    assert tell(teller, 900) == [("confirmed", 900, 970, "N", 0.45)]


@pytest.mark.parametrize("how", ["gap", "pause"])
def test_what_lies_too_far_back_or_before_a_gap_is_not_revised(teller: BeatTeller, how: str) -> None:
    tell(teller, 100)
    tell(teller, 400)
    if how == "gap":
        teller.interrupt()
    assert [stage for stage, *_ in tell(teller, 600 if how == "gap" else 1841)] == ["confirmed"]


def test_a_provisional_beat_has_no_class_and_asks_for_none(teller: BeatTeller) -> None:
    beat = teller.provisional(RPeak(10.0, 10.0, 31, 0.61234, False), 14, 50)
    expected = Beat(
        stream="s", sample=14, decision_sample=50, label="Q", confidence=0.6123, stage="provisional"
    )  # fmt: skip
    assert beat == expected
    assert tell(teller, 100)[0][3] == "N"


def test_a_snapshot_carries_the_beat_that_may_be_revised(teller: BeatTeller) -> None:
    tell(teller, 100)
    tell(teller, 400)
    other = BeatTeller("s", Model("ecg-vf", provider="cpu"), SIGNAL)
    other.restore(teller.snapshot())
    assert tell(other, 600) == tell(teller, 600)
    teller.reset()
    assert tell(teller, 100) == [("confirmed", 100, 170, "N", 0.45)]
