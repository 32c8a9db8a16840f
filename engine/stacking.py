"""One run of a network for many streams: what each has to ask is stacked into a batch, its state taken along.

Whoever needs a network while it processes an item is written as a generator, an *asking*: it yields a `Question` and is
sent the answer, which is good until it asks again. `alone` answers the questions of one stream as they come; `together`
takes the askings of many streams and answers in one run what they ask at the same time. The networks' rows do not mix,
so that a stream's findings do not depend on the others.
"""

from __future__ import annotations

import itertools
import math
import weakref
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from heartwire.engine.alignment import aligned
from heartwire.engine.runner import Runner, shapes_of
from heartwire.engine.session import ORT_ERRORS, Session

Array = npt.NDArray[np.float32]
T = TypeVar("T")

_BATCHES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Rows of a run; what waits is cut into the largest that fit."""
_MOST_FRAMES = 512
"""Most frames of signal in a run, all rows together."""


class Answer(NamedTuple):
    """Outputs by name; rows `first` up to `end` are those of the one who asked."""

    outputs: Mapping[str, Array]
    first: int
    end: int

    def rows(self, name: str) -> Array:
        """Give an output, (rows, ...): good until the next question."""
        return self.outputs[name][self.first : self.end]

    def copy(self) -> Answer:
        """Give an answer that stays."""
        return Answer({name: self.rows(name).copy() for name in self.outputs}, 0, self.end - self.first)


class Question(NamedTuple):
    """What one stream asks of a network: its inputs by name, (rows, ...), and the state that goes with its one row."""

    stack: Stack
    inputs: Mapping[str, Array]
    rows: int = 1
    frames: int = 1
    state: Any = None
    """A network's `State`; else what the stack takes."""


Asking: TypeAlias = Generator[Question, Answer, T]
"""Work that asks networks and ends with a result."""


class State:
    """What a network carries from call to call for one stream: a row of each of the stack's states."""

    def __init__(self, states: Sequence[Array], row: int) -> None:
        self._states = states
        self.row = row

    def reset(self) -> None:
        """Forget it."""
        for states in self._states:
            states[self.row] = 0.0

    def snapshot(self) -> bytes:
        """Give it."""
        return b"".join(states[self.row].tobytes() for states in self._states)

    def restore(self, state: bytes) -> None:
        """Take what `snapshot` of the same model gave."""
        floats, at = np.frombuffer(state, np.float32), 0
        for states in self._states:
            end = at + states.shape[1]
            states[self.row], at = floats[at:end], end


class _Lot:
    """The buffers of a run of one shape; the state is an input and an output like others."""

    def __init__(self, session: Session, names: Sequence[str], batch: int, frames: int) -> None:
        runner = Runner(session, shapes_of(session.card, batch, frames), carried=False)
        self.run = runner.run
        self.inputs = {name: array for name, array in runner.inputs.items() if name not in names}
        self.outputs = runner.outputs
        self.before = tuple(runner.inputs[name].reshape(batch, -1) for name in names)
        self.after = tuple(runner.outputs[f"next_{name}"].reshape(batch, -1) for name in names)


class Stack(ABC):
    """A model that many streams of one thread share.

    Parameters
    ----------
    sizes
        How many numbers a stream has of each tensor that is carried from call to call.
    """

    _made = itertools.count()

    def __init__(self, sizes: Sequence[int]) -> None:
        self.rank = next(self._made)
        """Networks are asked in the order in which they were made: so those at the end find most to answer at once."""
        self._states = [np.zeros((0, size), np.float32) for size in sizes]
        """Of each tensor the rows of all streams; the list stays, for all who have it."""
        self._free: deque[int] = deque()
        self._n_rows = 0

    def state(self) -> State:
        """Give a stream a state of its own, zeros."""
        if not self._free:
            n, self._n_rows = self._n_rows, 2 * self._n_rows + 1
            self._free.extend(range(n, self._n_rows))
            for i, states in enumerate(self._states):
                self._states[i] = aligned((self._n_rows, states.shape[1]))
                self._states[i][:n] = states
        state = self._hold(self._free.popleft())
        state.reset()
        weakref.finalize(state, self._free.append, state.row)
        return state

    def _hold(self, row: int) -> State:
        return State(self._states, row)

    @abstractmethod
    def warm_up(self, n_streams: int, rows: int = 1, frames: Iterable[int] = (1,)) -> None:
        """Run once every shape that messages of so many streams lead to, each asking for so many rows."""

    @abstractmethod
    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Run the network once for as many of the questions as fit; give the answers to those, the first ones.

        Parameters
        ----------
        questions
            At least one; all of the same number of frames.
        """


class SessionStack(Stack):
    """A model that ONNX Runtime runs.

    Parameters
    ----------
    session
        The model on its device.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        card = session.card
        self._names = tuple(name for name in card.inputs if name.startswith("state_"))
        super().__init__([math.prod(card.inputs[name][1:]) for name in self._names])
        self._lots: dict[tuple[int, int], _Lot] = {}

    def warm_up(self, n_streams: int, rows: int = 1, frames: Iterable[int] = (1,)) -> None:
        """Do so."""
        for n_frames in frames:
            for batch in _BATCHES:
                if batch <= max(n_streams * rows, 1) and batch % rows == 0 and batch * n_frames <= _MOST_FRAMES:
                    self._lot(batch, n_frames)

    def _lot(self, batch: int, frames: int) -> _Lot:
        lot = self._lots.get((batch, frames))
        if lot is None:
            lot = self._lots[batch, frames] = _Lot(self._session, self._names, batch, frames)
        return lot

    def answer(self, questions: Sequence[Question]) -> list[Answer]:
        """Do so: the batch is one of a dozen sizes."""
        frames = questions[0].frames
        ends = _fitting([question.rows for question in questions], _MOST_FRAMES // frames)
        asked = questions[: len(ends) - 1]
        lot = self._lot(ends[-1], frames)
        for name, tensor in lot.inputs.items():
            for k, question in enumerate(asked):
                tensor[ends[k] : ends[k + 1]] = question.inputs[name]
        if self._names:
            rows = np.array([question.state.row for question in asked if question.state], np.int64)
            for states, tensor in zip(self._states, lot.before, strict=True):
                np.take(states, rows, axis=0, out=tensor, mode="clip")
            lot.run()
            for states, tensor in zip(self._states, lot.after, strict=True):
                states[rows] = tensor
        else:
            lot.run()
        return [Answer(lot.outputs, first, end) for first, end in pairwise(ends)]


def _fitting(rows: Sequence[int], most: int) -> list[int]:
    """Give where the rows of each question begin and the last of them end, for a batch of one of the sizes."""
    ends = list(itertools.accumulate(rows, initial=0))
    sizes = {size for size in _BATCHES if size <= most}
    while len(ends) > 2 and ends[-1] not in sizes:
        ends.pop()
    return ends


def alone(asking: Asking[T]) -> T:
    """Answer one stream's questions as they come; give the result."""
    ((_, result),) = together([asking])
    return result


def together(askings: Sequence[Asking[T]]) -> Iterator[tuple[int, T]]:
    """Answer the questions of many streams, those to the same network in as few runs as it takes.

    Where a run fails its questions are asked one by one, so that only the stream that broke it is told.

    Yields
    ------
    The number of an asking and its result, as soon as it has come to its end.
    """
    waiting: dict[tuple[int, int], list[tuple[int, Question]]] = {}
    going_on: deque[tuple[int, Answer | Exception | None]] = deque((number, None) for number in range(len(askings)))
    while True:
        while going_on:
            number, answer = going_on.popleft()
            try:
                if isinstance(answer, Exception):
                    question = askings[number].throw(answer)
                else:
                    question = askings[number].send(answer)  # type: ignore[arg-type]
            except StopIteration as end:
                yield number, end.value
            else:
                waiting.setdefault((question.stack.rank, question.frames), []).append((number, question))
        if not waiting:
            return
        asked = waiting[first := min(waiting)]
        answers = _answers([question for _, question in asked])
        going_on.extend(zip((number for number, _ in asked), answers, strict=False))
        del asked[: len(answers)]
        if not asked:
            del waiting[first]


def _answers(questions: Sequence[Question]) -> Sequence[Answer | Exception]:
    try:
        return questions[0].stack.answer(questions)
    except ORT_ERRORS as error:
        if len(questions) == 1:
            return [error]
    each = (_answers([question])[0] for question in questions)
    return [answer.copy() if isinstance(answer, Answer) else answer for answer in each]
