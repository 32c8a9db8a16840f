"""Beat classes: each confirmed beat against the patient's own usual beat and rhythm, and once more at the next R."""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
from numba import njit

from heartwire.engine.ecg.beat_context import BEFORE, ROWS, WIDTH, BeatContext, cut
from heartwire.engine.ecg.conditioning import GRID_HZ
from heartwire.engine.ecg.paced_patient import PacedPatient
from heartwire.engine.ecg.tail import Tail
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model
from heartwire.engine.messages import BeatClass
from heartwire.engine.stacking import Asking, Question, alone

CLASSES: tuple[BeatClass, ...] = ("N", "S", "V", "F", "Q")
_VENTRICULAR: BeatClass = "V"
_PACED: BeatClass = "Q"

BEAT_LOOKS_BACK = 256
"""Samples in which a beat is sought."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _weigh(p: npt.NDArray[np.float32], weights: npt.NDArray[np.float32]) -> tuple[int, float]:
    """Give the likeliest class once each has its weight, and its share."""
    best, total = 0, np.float32(0.0)
    for k in range(len(p)):
        total += p[k] * weights[k]
        best = k if p[k] * weights[k] > p[best] * weights[best] else best
    return best, float(p[best] * weights[best] / total)


class Verdict(NamedTuple):
    """The class of a beat and how sure it is."""

    label: BeatClass
    confidence: float


class _State(msgspec.Struct):
    network: bytes
    context: bytes
    patient: bytes
    n_beats: int
    last_at: float
    last_at_pace: bool


class BeatClassifier:
    """Classes the beats of one stream.

    Parameters
    ----------
    model
        The beat model; one may serve many streams of the same thread.
    signal
        Two leads and how sharply the source stands out in each, of which `BEAT_LOOKS_BACK` rows are looked back on; its
        owner resets it and saves it.

    Raises
    ------
    ModelError
        If the model tells other classes apart, or its card lacks a weight.
    """

    def __init__(self, model: Model, signal: Tail) -> None:
        card = model.card
        if tuple(card.labels) != CLASSES:
            msg = f"model {card.name} tells apart {card.labels}, expected {list(CLASSES)}"
            raise ModelError(msg)
        try:
            self._weights = {
                when: np.array([card.settings[f"{when}_weight_{name}"] for name in CLASSES], np.float32)
                for when in ("immediate", "revised")
            }
        except KeyError as error:
            msg = f"the card of model {card.name} lacks the setting {error.args[0]}"
            raise ModelError(msg) from None
        self._stack = model.stack
        self._network = model.stack.state()
        self._context = BeatContext()
        self._patient = PacedPatient()
        self._signal = signal
        self._crop = np.zeros((ROWS, WIDTH), np.float32)
        self.reset()

    @property
    def wave(self) -> npt.NDArray[np.float32]:
        """The last beat as the network saw it, (CHANNELS, WIDTH): good until the next one."""
        return self._context.wave

    def reset(self) -> None:
        """Return to the state of a fresh classifier."""
        self._network.reset()
        self._context.reset()
        self._patient.reset()
        self._n_beats = 0
        self._last_at = 0.0
        self._last_at_pace = False

    def push(self, samples: npt.NDArray[np.float32], sharp: npt.NDArray[np.float32]) -> None:
        """Take the next conditioned samples and how sharply the source stands out, (n_samples, 2) in mV each."""
        self._signal.append(samples, sharp)

    def classify(self, at: float) -> tuple[Verdict, Verdict | None]:
        """Do what `asking` does, for this stream alone."""
        return alone(self.asking(at, self._signal.n))

    def asking(self, at: float, n: int) -> Asking[tuple[Verdict, Verdict | None]]:
        """Class the beat whose R peak was confirmed at the grid sample `at`, at least `AFTER` samples before `n`.

        Nothing is seen from the row `n` of the signal on, where there is more of it.

        Returns
        -------
        Its class; and the revised class of the beat before it, whose next RR interval is now known, None for the first.
        """
        begin = n - BEAT_LOOKS_BACK
        cut(self._signal.rows(begin, n), math.floor(at + 0.5) - BEFORE - begin, self._crop)
        self._context.beat(self._crop, at)
        inputs = {"wave": self._context.wave[:, None], "features": self._context.features}
        answer = yield Question(self._stack, inputs, state=self._network)
        rr_s = (at - self._last_at) / GRID_HZ if self._n_beats else 0.0
        at_pace = self._patient.at_pace(rr_s)
        now = self._verdict("immediate", answer.rows("immediate")[0])
        before = self._verdict("revised", answer.rows("revised")[0]) if self._n_beats else None
        self._patient.beat(rr_s, paced=now.label == _PACED)
        if before is not None:
            before = _of_pacemaker(before, at_pace=self._last_at_pace)
        self._n_beats += 1
        self._last_at, self._last_at_pace = at, at_pace
        return _of_pacemaker(now, at_pace=at_pace), before

    def _verdict(self, when: str, p: npt.NDArray[np.float32]) -> Verdict:
        best, share = _weigh(p, self._weights[when])
        return Verdict(CLASSES[best], share)

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(
            _State(
                self._network.snapshot(),
                self._context.snapshot(),
                self._patient.snapshot(),
                self._n_beats,
                self._last_at,
                self._last_at_pace,
            )
        )

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._network.restore(s.network)
        self._context.restore(s.context)
        self._patient.restore(s.patient)
        self._n_beats = s.n_beats
        self._last_at, self._last_at_pace = s.last_at, s.last_at_pace


def _of_pacemaker(verdict: Verdict, *, at_pace: bool) -> Verdict:
    """Call a ventricular beat at the pacemaker's pace paced."""
    return verdict._replace(label=_PACED) if at_pace and verdict.label == _VENTRICULAR else verdict
