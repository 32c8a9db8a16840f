"""From probabilities to what is told: the label that holds, and the advisory alarm where the card asks for one."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.alarms.lifecycle import AlarmBoard
from heartwire.engine.classify.hosted import Hosted
from heartwire.engine.messages import AlarmEvent, Classification, Finding, Reason
from heartwire.models.classifiers import EcgClassifier, FrameClassifier

ADVISORY = "ADVISORY"
_DECIMALS = 6


class _State(msgspec.Struct):
    held: int
    wanted: int
    times: int
    since: int
    told: int


class Telling:
    """Follows the labels of one stream.

    Parameters
    ----------
    stream
        The stream's id.
    hosted
        The classifier.
    """

    def __init__(self, stream: str, hosted: Hosted[EcgClassifier] | Hosted[FrameClassifier], board: AlarmBoard) -> None:
        self._stream = stream
        self._model = hosted.model.card.name
        self._labels = hosted.labels
        described = hosted.described
        self._begin = [described.begin.get(label, 0.5) for label in hosted.labels]
        self._end = [described.end.get(label, begin) for label, begin in zip(hosted.labels, self._begin, strict=True)]
        self._hold = described.hold
        self._alarming = {hosted.labels.index(label) for label in described.alarm}
        self._board = board
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._held = 0
        self._wanted = 0
        self._times = 0
        self._since = 0
        self._told = 0
        """Which label the alarm stands for; 0: none."""

    def interrupt(self) -> None:
        """Take note that something is missing: windows or frames on both sides of it are not in a row."""
        self._times = 0

    def _wants(self, p: npt.NDArray[np.float64]) -> int:
        begun = [k for k in range(1, len(p)) if p[k] >= self._begin[k]]
        if begun:
            return max(begun, key=lambda k: p[k])
        return self._held if self._held and p[self._held] >= self._end[self._held] else 0

    def take(self, first: int, last: int, rate_hz: float, p: npt.NDArray[np.float64]) -> Iterator[Finding]:
        """Take the probabilities of a window or frame from `first` to `last`; give what it brings.

        Parameters
        ----------
        first, last
            Sample numbers, or twice the frame's.
        rate_hz
            Samples or frames a second, 0: unknown.
        p
            (n_labels,) probabilities.
        """
        wanted = self._wants(p)
        if wanted != self._wanted or not self._times:
            self._wanted, self._times, self._since = wanted, 0, first
        self._times = min(self._times + 1, self._hold)
        if self._times >= self._hold:
            self._held = wanted
        scores = {label: round(float(x), _DECIMALS) for label, x in zip(self._labels, p, strict=True)}
        label = self._labels[self._held]
        yield Classification(
            stream=self._stream,
            sample=first,
            decision_sample=last,
            model=self._model,
            label=label,
            probability=scores[label],
            scores=scores,
        )
        yield from self._alarm(last, rate_hz, scores[label])

    def _alarm(self, last: int, rate_hz: float, probability: float) -> Iterator[AlarmEvent]:
        now = self._held if self._held in self._alarming else 0
        if now == self._told:
            return
        label = self._labels[self._held]
        if self._told:
            yield from self._board.end(ADVISORY, last, rate_hz, {"rule": f"{self._model} says {label}"})
        if now:
            reason: Reason = {"rule": f"{self._model} says {label}", "label": label, "probability": probability}
            yield from self._board.begin(ADVISORY, self._since, last, rate_hz, reason)
        self._told = now

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self._held, self._wanted, self._times, self._since, self._told))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._held, self._wanted, self._times, self._since, self._told = s.held, s.wanted, s.times, s.since, s.told
