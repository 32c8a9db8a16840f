"""Ventricular tachycardia and fibrillation: a window network over the last four seconds, twice a second.

The network looks at the whole window and says what the rhythm was in its last `JUDGED_S`: the rest is context.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numba import njit

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


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _push(buffer: FloatArray, samples: FloatArray) -> None:
    """Move the last samples on by those that come."""
    n = min(len(samples), len(buffer))
    for i in range(len(buffer) - n):
        buffer[i] = buffer[i + n]
    for i in range(n):
        buffer[len(buffer) - n + i] = samples[len(samples) - n + i]


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
    buffer: bytes
    n_taken: int
    began: list[int]


class VentricularDetector:
    """Judges the windows of the leads of one stream, all at once.

    Parameters
    ----------
    model
        The VT/VF model; one may serve many streams of the same thread.
    n_leads
        How many leads.

    Raises
    ------
    ModelError
        If the model's labels are not `LABELS`.
    """

    def __init__(self, model: Model, n_leads: int) -> None:
        if tuple(model.card.labels) != LABELS:
            msg = f"model {model.card.name} tells apart {model.card.labels}, expected {list(LABELS)}"
            raise ModelError(msg)
        self.n_leads = n_leads
        self._stack = model.stack
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh detector."""
        self._buffer: FloatArray = np.zeros((WINDOW, self.n_leads), np.float32)
        self._n_taken = 0
        self._began = [0] * self.n_leads

    def restart(self, lead: int) -> None:
        """Begin the windows of one lead anew: what comes is another signal."""
        self._began[lead] = self._n_taken

    def process(self, samples: FloatArray) -> list[RhythmWindow]:
        """Do what `asking` does, for this stream alone."""
        return alone(self.asking(samples))

    def asking(self, samples: FloatArray) -> Asking[list[RhythmWindow]]:
        """Take the next conditioned samples; give the windows they complete.

        Parameters
        ----------
        samples
            (n_samples, n_leads) mV at 250 Hz.
        """
        before = self._n_taken
        self._n_taken += len(samples)
        first = max(before // STEP + 1, -(-WINDOW // STEP)) * STEP
        if first > self._n_taken:
            _push(self._buffer, samples)
            return []
        whole = np.concatenate((self._buffer, samples))
        self._buffer = whole[-WINDOW:].copy()
        ends = list(range(first, self._n_taken + 1, STEP))
        found: list[RhythmWindow] = []
        while found_n := min(len(ends) - len(found), _MANY):
            done = len(found)
            many = _MANY if found_n == _MANY else 1
            signal = np.empty((many, self.n_leads, WINDOW // THINNED), np.float32)
            for window, end in zip(signal, ends[done:], strict=False):
                at = end - before
                np.clip(whole[at + THINNED - 1 : at + WINDOW : THINNED].T, -LIMIT_MV, LIMIT_MV, out=window)
            rows = many * self.n_leads
            answer = yield Question(self._stack, {"signal": signal.reshape(rows, 1, 1, -1)}, rows)
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
        return msgspec.msgpack.encode(_State(self._buffer.tobytes(), self._n_taken, self._began))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`, of the same number of leads."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._buffer = np.frombuffer(s.buffer, np.float32).reshape(WINDOW, self.n_leads).copy()
        self._n_taken, self._began = s.n_taken, s.began
