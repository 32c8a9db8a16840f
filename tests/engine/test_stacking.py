"""Tests of networks that many streams ask in one run."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import numpy as np
import pytest

from heartwire.engine.ecg.pipeline import EcgPipeline, create
from heartwire.engine.ecg.settings import EcgSettings
from heartwire.engine.errors import ProcessorError
from heartwire.engine.host import StreamHost
from heartwire.engine.inference import Model
from heartwire.engine.messages import EcgChunk, Finding, Gap, Item
from heartwire.engine.session import ORT_ERRORS
from heartwire.engine.stacking import Answer, Asking, Question, alone, together
from heartwire.engine.testing import run
from heartwire.streams.simulators.ecg import EcgSimulator
from heartwire.streams.simulators.heart import Heart

_SCRIPTS = ("sinus 75 for 8s; pvc; sinus 75 for 4s", "vt 170 for 12s", "vf for 12s", "af 90 for 12s")
_BEDS = 9


def _items(bed: int) -> list[Item]:
    """Make 12 s of a bed, in messages of 25 samples; some of one lead, some with a gap."""
    heart = Heart(bed, _SCRIPTS[bed % len(_SCRIPTS)])
    samples = EcgSimulator(heart).samples(0, 3000)[:, : 1 + bed % 2]
    leads = ("I", "II")[: samples.shape[1]]
    items: list[Item] = [
        EcgChunk(stream=_stream(bed), first_sample=at, rate_hz=250.0, leads=leads, samples=samples[at : at + 25])
        for at in range(0, 3000, 25)
    ]
    if bed == 5:
        items[60:64] = [Gap(stream=_stream(bed), first=1500, count=100)]
    return items


def _stream(bed: int) -> str:
    return f"bed-{bed}/ecg"


@pytest.fixture(scope="module")
def model() -> Model:
    return Model("ecg-qrs", provider="cpu")


def _side_by_side(streams: Sequence[Sequence[Item]]) -> list[list[Finding]]:
    """Give each stream a processor, and each round a message of some of them, not always the same ones."""
    processors = [EcgPipeline(items[0].stream, EcgSettings()) for items in streams]
    found: list[list[Finding]] = [[] for _ in streams]
    turn, places = 0, [0] * len(streams)
    while any(place < len(items) for place, items in zip(places, streams, strict=True)):
        turn += 1
        some = [n for n, items in enumerate(streams) if places[n] < len(items) and (n + turn) % 4]
        askings = [processors[n].asking([streams[n][places[n]]]) for n in some]
        for number, findings in together(askings):
            found[some[number]] += findings
        for n in some:
            places[n] += 1
    return found


def test_a_bed_gives_the_same_findings_alone_and_among_others() -> None:
    streams = [_items(bed) for bed in range(_BEDS)]
    together_ = _side_by_side(streams)
    for items, findings in zip(streams, together_, strict=True):
        expected = run(create(items[0].stream, {}), items)
        assert expected
        assert [repr(f) for f in findings] == [repr(f) for f in expected]


@pytest.mark.parametrize("name", ["ecg-qrs", "ecg-beats", "ecg-vf", "ecg-fibrillation"])
def test_rows_of_any_batch_are_those_of_a_run_alone_bit_by_bit(name: str) -> None:
    stack, card = Model(name, provider="cpu").stack, Model(name, provider="cpu").card
    random = np.random.default_rng(1)
    plain = {key: shape for key, shape in card.inputs.items() if not key.startswith("state_")}

    def questions(n: int) -> list[Question]:
        rows = [
            {
                k: random.standard_normal([1, *(8 if d == -1 else d for d in shape[1:])], np.float32)
                for k, shape in plain.items()
            }
            for _ in range(n)
        ]
        return [Question(stack, row, state=stack.state()) for row in rows]

    asked = questions(7)
    answers = [answer.copy() for answer in stack.answer(asked[:6])]
    assert len(answers) == 6
    for question, answer in zip(asked, answers, strict=False):
        assert question.state is not None
        question.state.reset()
        (own,) = stack.answer([question])
        for output in answer.outputs:
            np.testing.assert_array_equal(own.rows(output), answer.rows(output))


def test_states_are_saved_restored_and_forgotten_by_stream(model: Model) -> None:
    signal = np.random.default_rng(2).standard_normal((4, 1, 2, 1, 8)).astype(np.float32)
    one, other = model.stack.state(), model.stack.state()

    def ask(at: int, state: object) -> np.ndarray:
        (answer,) = model.stack.answer([Question(model.stack, {"signal": signal[at]}, state=state)])  # type: ignore[arg-type]
        return answer.rows("qrs").copy()

    first = ask(0, one)
    second = ask(1, one)
    saved = one.snapshot()
    third = ask(2, one)
    other.restore(saved)
    np.testing.assert_array_equal(ask(2, other), third)
    one.reset()
    np.testing.assert_array_equal(ask(0, one), first)
    assert (ask(0, one) != second).any()


def test_the_row_of_a_stream_that_is_gone_is_given_to_the_next_as_zeros(model: Model) -> None:
    state = model.stack.state()
    row = state.row
    state.restore(np.ones(len(state.snapshot()) // 4, np.float32).tobytes())
    del state
    gc.collect()
    fresh = [model.stack.state() for _ in range(64)]
    assert row in {state.row for state in fresh}
    assert not any(any(state.snapshot()) for state in fresh)


def _counting(question: Question, n: int, told: list[int]) -> Asking[int]:
    for _ in range(n):
        answer = yield question
        told.append(answer.end - answer.first)
    return n


def test_each_result_comes_as_soon_as_it_is_there(model: Model) -> None:
    told: list[int] = []
    askings = [
        _counting(
            Question(model.stack, {"signal": np.zeros((1, 2, 1, 8), np.float32)}, state=model.stack.state()), n, told
        )
        for n in (3, 0, 1)
    ]
    assert list(together(askings)) == [(1, 0), (2, 1), (0, 3)]
    assert told == [1] * 4


def test_only_the_stream_whose_question_breaks_the_run_is_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_all = type(model.stack).answer

    def answer(stack: object, questions: Sequence[Question]) -> list[Answer]:
        if any(np.isnan(question.inputs["signal"]).any() for question in questions):
            raise ORT_ERRORS[1]("poisoned")
        return answer_all(stack, questions)  # type: ignore[arg-type]

    monkeypatch.setattr(type(model.stack), "answer", answer)

    def asking(value: float) -> Asking[float]:
        signal = np.full((1, 2, 1, 8), value, np.float32)
        try:
            answer = yield Question(model.stack, {"signal": signal}, state=model.stack.state())
        except ORT_ERRORS:
            return -1.0
        return float(answer.rows("quality").sum())

    found = dict(together([asking(0.0), asking(np.nan), asking(1.0)]))
    assert found[1] == -1.0
    assert (found[0], found[2]) == (alone(asking(0.0)), alone(asking(1.0)))


def test_a_processor_that_raises_among_others_harms_its_own_stream_alone() -> None:
    hosts = [StreamHost(_stream(bed), EcgPipeline(_stream(bed), EcgSettings())) for bed in range(3)]
    failed: list[int] = []

    def guarded(number: int, items: list[Item]) -> Asking[list[Finding]]:
        try:
            return (yield from hosts[number].asking(items))
        except ProcessorError:
            failed.append(number)
            return []

    streams = [_items(bed) for bed in range(3)]
    wrong = EcgChunk(
        stream=_stream(1), first_sample=0, rate_hz=250.0, leads=("I", "II"), samples=np.zeros((25, 3), np.float32)
    )
    for at in range(40):
        list(together([guarded(n, [wrong if n == 1 and at == 7 else streams[n][at]]) for n in range(3)]))
    assert failed == [1]
    assert hosts[1].ledger.report().dropped == {"processor": 25}
    assert hosts[0].ledger.report().dropped == hosts[2].ledger.report().dropped == {}
