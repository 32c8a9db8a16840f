"""Ventricular tachycardia and fibrillation: a window network over the last four seconds, twice a second.

The network looks at the whole window and says what the rhythm was in its last `JUDGED_S`: the rest is context.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np

from heartwire.engine.ecg.tail import Tail
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model
from heartwire.engine.messages import FloatArray
from heartwire.engine.stacking import Asking, Question, alone

WINDOW = 1000
"""Conditioned samples in a window: 4 s."""
STEP = 120
"""Conditioned samples between windows: 0.48 s."""
JUDGED_S = 2.0
THINNED = 2
"""The network takes every second sample: 125 Hz."""
LIMIT_MV = 5.0
_MANY = 8
"""Windows judged at once where so many are complete."""
LABELS = ("other", "VT", "VF", "noise")
"""What the network tells apart; flutter counts as VF."""


class RhythmWindow(NamedTuple):
    """What one window says of each lead.

    The verdict is on the grid samples from `begin` up to `end` (not included), the window's last `JUDGED_S`. `p_vt`,
    `p_vf` and `p_noise` have an entry a lead; `whole` tells of which leads there was a window's length of signal: what
    is said of the others means nothing.
    """

    begin: int
    end: int
    p_vt: list[float]
    p_vf: list[float]
    p_noise: list[float]
    whole: list[bool]


class _State(msgspec.Struct):
    n_seen: int
    began: list[int]


class VentricularDetector:
    """Judges the windows of the leads of one stream, all at once.

    Parameters
    ----------
    model
        The VT/VF model; one may serve many streams of the same thread.
    n_leads
        How many leads.
    signal
        The leads, its first columns, of which `WINDOW` rows are looked back on; its owner resets it and saves it.

    Raises
    ------
    ModelError
        If the model's labels are not `LABELS`.
    """

    def __init__(self, model: Model, n_leads: int, signal: Tail) -> None:
        if tuple(model.card.labels) != LABELS:
            msg = f"model {model.card.name} tells apart {model.card.labels}, expected {list(LABELS)}"
            raise ModelError(msg)
        self.n_leads = n_leads
        self._stack = model.stack
        self._signal = signal
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh detector."""
        self._n_seen = 0
        self._began = [0] * self.n_leads

    def restart(self, lead: int) -> None:
        """Begin the windows of one lead anew: what comes is another signal."""
        self._began[lead] = self._n_seen

    def process(self, samples: FloatArray) -> list[RhythmWindow]:
        """Take the next conditioned samples, (n_samples, n_leads) mV at 250 Hz; give the windows they complete."""
        self._signal.append(samples)
        return alone(self.asking(self._signal.n))

    def asking(self, n: int) -> Asking[list[RhythmWindow]]:
        """Look at the signal up to row `n`; give the windows that were not complete before."""
        first = max(self._n_seen // STEP + 1, -(-WINDOW // STEP)) * STEP
        self._n_seen = n
        if first > n:
            return []
        ends = list(range(first, n + 1, STEP))
        found: list[RhythmWindow] = []
        while found_n := min(len(ends) - len(found), _MANY):
            done = len(found)
            many = _MANY if found_n == _MANY else 1
            windows = np.empty((many, self.n_leads, WINDOW // THINNED), np.float32)
            for window, end in zip(windows, ends[done:], strict=False):
                signal = self._signal.rows(end - WINDOW, end)[THINNED - 1 :: THINNED, : self.n_leads]
                np.clip(signal.T, -LIMIT_MV, LIMIT_MV, out=window)
            rows = many * self.n_leads
            answer = yield Question(self._stack, {"signal": windows.reshape(rows, 1, 1, -1)}, rows)
            found += self._told(ends[done : done + many], answer.rows("rhythm"))
        return found

    def _told(self, ends: list[int], rhythm: FloatArray) -> list[RhythmWindow]:
        judged = rhythm.reshape(len(ends), self.n_leads, len(LABELS)).transpose(0, 2, 1).tolist()
        windows = []
        for end, (_, p_vt, p_vf, p_noise) in zip(ends, judged, strict=True):
            whole = [end - began >= WINDOW for began in self._began]
            windows.append(RhythmWindow(end - int(JUDGED_S * 250), end, p_vt, p_vf, p_noise, whole))
        return windows

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self._n_seen, self._began))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same number of leads."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._n_seen = s.n_seen
        self._began = s.began
