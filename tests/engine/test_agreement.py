"""Findings of two processors are paired by what and where; what has no partner is told once it can have none."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from heartwire.engine.agreement import Agreement, Counts
from heartwire.engine.messages import AlarmEvent, Beat, CatheterFix, Device


def beat(sample: int, label: str = "N") -> Beat:
    return Beat(stream="s", sample=sample, decision_sample=sample + 40, label=label, confidence=1.0)  # type: ignore[arg-type]


def alarm(condition: str, decision: int) -> AlarmEvent:
    return AlarmEvent(
        stream="s", condition=condition, mdc=None, kind="physiological", priority="high", change="on",
        onset_sample=decision, decision_sample=decision, algorithmic_delay_s=0.0,
    )  # fmt: skip


def fix(frame: int, *tips: tuple[float, float]) -> CatheterFix:
    devices = [
        Device(
            id=k, class_="catheter", state="tracked", visible=True, confidence=1.0, tip_px=tip, tip_mm=None,
            error_px=1.0, centreline_px=[tip],
        )
        for k, tip in enumerate(tips)
    ]  # fmt: skip
    return CatheterFix(stream="s", frame=frame, captured_ns=0, devices=devices)


def test_classes_that_differ_and_beats_of_one_side_alone_are_told() -> None:
    compared = Agreement(250.0)
    for sample, label in ((100, "N"), (300, "V"), (500, "N")):
        compared.running(beat(sample, label))
    for sample in (102, 299, 800):
        compared.candidate(beat(sample))
    assert compared.counts == {"beat confirmed": Counts(agree=1, differ=1)}
    compared.pass_by(2000)
    assert compared.counts == {"beat confirmed": Counts(1, 1, 1, 1)}
    assert [(d.running, d.candidate) for d in compared.differences] == [("V", "N"), ("N", ""), ("", "N")]


def test_a_warning_that_comes_later_is_the_same_one_and_another_condition_is_not() -> None:
    compared = Agreement(250.0)
    compared.running(alarm("VT", 1000))
    compared.candidate(alarm("VF", 1000))
    compared.candidate(alarm("VT", 1500))
    compared.pass_by(9000)
    assert compared.counts == {"warning": Counts(agree=1, only_candidate=1)}


def test_fixes_agree_where_every_tip_is_near() -> None:
    compared = Agreement()
    for frame, tip in ((0, (50.0, 50.0)), (1, (50.0, 50.0)), (2, (50.0, 50.0))):
        compared.running(fix(frame, tip))
    compared.candidate(fix(0, (53.0, 50.0)))
    compared.candidate(fix(1, (70.0, 50.0)))
    compared.candidate(fix(2))
    assert compared.counts == {"fix": Counts(agree=1, differ=2)}


@given(
    samples=st.lists(st.integers(0, 100), unique=True, max_size=30),
    order=st.randoms(use_true_random=False),
)
def test_the_same_findings_agree_wholly_in_whatever_order_the_sides_come(samples: list[int], order: object) -> None:
    compared = Agreement(250.0)
    told = [(compared.running, beat(200 * s)) for s in sorted(samples)]
    told += [(compared.candidate, beat(200 * s)) for s in sorted(samples)]
    order.shuffle(told)  # type: ignore[attr-defined]
    for take, finding in told:
        take(finding)
    compared.pass_by(10**9)
    assert compared.counts == ({"beat confirmed": Counts(agree=len(samples))} if samples else {})


def test_what_one_of_the_two_has_not_had_is_not_compared() -> None:
    compared = Agreement(250.0)
    for sample in (100, 1000, 1300, 2000):
        compared.running(beat(sample))
    compared.leave_out(900, 1200)
    compared.leave_out(1200, 1500)
    for sample in (100, 1450, 2000):
        compared.candidate(beat(sample))
    compared.pass_by(5000)
    assert compared.counts == {"beat confirmed": Counts(agree=2)}
    compared.running(beat(6000))
    compared.pass_by(9000)
    assert compared.counts == {"beat confirmed": Counts(agree=2, only_running=1)}
