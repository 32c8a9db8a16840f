"""Ventricular tachycardia and fibrillation: a window network over the last four seconds, twice a second.

The network looks at the whole window and says what the rhythm was in its last `JUDGED_S`: the rest is context.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model

WINDOW = 1000
"""Conditioned samples in a window: 4 s."""
STEP = 120
"""Conditioned samples between windows: 0.48 s."""
JUDGED_S = 2.0
THINNED = 2
"""The network takes every second sample: 125 Hz."""
LIMIT_MV = 5.0
LABELS = ("other", "VT", "VF", "noise")
"""What the network tells apart; flutter counts as VF."""


class RhythmWindow(NamedTuple):
    """What one window says.

    The verdict is on the grid samples from `begin` up to `end` (not included), the window's last `JUDGED_S`.
    """

    begin: int
    end: int
    p_vt: float
    p_vf: float
    p_noise: float


class _State(msgspec.Struct):
    buffer: bytes
    n_taken: int


class VentricularDetector:
    """Judges the windows of one lead of one stream.

    Parameters
    ----------
    model
        The VT/VF model; one may serve many streams of the same thread.

    Raises
    ------
    ModelError
        If the model's labels are not `LABELS`.
    """

    def __init__(self, model: Model) -> None:
        if tuple(model.card.labels) != LABELS:
            msg = f"model {model.card.name} tells apart {model.card.labels}, expected {list(LABELS)}"
            raise ModelError(msg)
        self._runner = model.runner()
        self.reset()

    def reset(self) -> None:
        """Return to the state of a fresh detector."""
        self._buffer = np.zeros(WINDOW, np.float32)
        self._n_taken = 0

    def process(self, lead: npt.NDArray[np.float32]) -> list[RhythmWindow]:
        """Take the next conditioned samples of the lead in use; give the windows they complete.

        Parameters
        ----------
        lead
            (n_samples,) mV at 250 Hz.
        """
        windows = []
        taken = 0
        while taken < len(lead):
            n = min(STEP - self._n_taken % STEP, len(lead) - taken)
            self._buffer[:-n] = self._buffer[n:]
            self._buffer[-n:] = lead[taken : taken + n]
            taken += n
            self._n_taken += n
            if self._n_taken % STEP == 0 and self._n_taken >= WINDOW:
                windows.append(self._judge())
        return windows

    def _judge(self) -> RhythmWindow:
        np.clip(self._buffer[THINNED - 1 :: THINNED], -LIMIT_MV, LIMIT_MV, out=self._runner.inputs["signal"][0, 0, 0])
        self._runner.run()
        p = self._runner.outputs["rhythm"][0]
        begin = self._n_taken - int(JUDGED_S * 250)
        return RhythmWindow(begin, self._n_taken, float(p[1]), float(p[2]), float(p[3]))

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode(_State(self._buffer.tobytes(), self._n_taken))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        s = msgspec.msgpack.decode(state, type=_State)
        self._buffer = np.frombuffer(s.buffer, np.float32).copy()
        self._n_taken = s.n_taken
