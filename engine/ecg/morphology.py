"""Whether the beats of a ventricular tachycardia are alike (monomorphic), or each differs from the last (polymorphic).

Beats are compared each with each, both leads together and with one sign: where the axis turns from beat to beat, as in
torsade de pointes, neighbours are alike but those farther apart are not.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec
import numpy as np

from heartwire.engine.ecg.beat_context import BEFORE, THINNED
from heartwire.engine.messages import FloatArray

Morphology: TypeAlias = Literal["", "monomorphic", "polymorphic"]

_R = BEFORE // THINNED
_SHAPE = (_R - 12, _R + 9)
"""Points compared: 96 ms before to 72 ms after R."""
_SHIFT = 5
"""R lies on another deflection of a wide complex now and then: it is sought 40 ms about."""
_KEPT = 12
_FEWEST = 4
_ALIKE = 0.8
"""Mean correlation of the pairs from which on the beats are alike."""


class RunMorphology:
    """Keeps the last beats of one stream, and compares those of a run."""

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._waves: list[FloatArray] = []

    def beat(self, sample: int, wave: FloatArray) -> None:
        """Take the next beat: its R peak and its wave, (at least 2 leads, points) as the beat network sees it."""
        self._samples = [*self._samples[1 - _KEPT :], sample]
        self._waves = [*self._waves[1 - _KEPT :], wave[:2, _SHAPE[0] - _SHIFT : _SHAPE[1] + _SHIFT].copy()]

    def likeness(self, onset_sample: int) -> float | None:
        """Give the mean correlation of the beats from `onset_sample` on, pair by pair; None where they are too few."""
        waves = [wave for at, wave in zip(self._samples, self._waves, strict=True) if at >= onset_sample]
        if len(waves) < _FEWEST:
            return None
        shifted = np.lib.stride_tricks.sliding_window_view(np.stack(waves), _SHAPE[1] - _SHAPE[0], axis=-1)
        shifted = shifted.transpose(0, 2, 1, 3)
        shifted = shifted - shifted.mean(axis=-1, keepdims=True)
        flat = shifted.reshape(*shifted.shape[:2], -1)
        flat = flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-6)
        best = np.einsum("ik,jsk->ijs", flat[:, _SHIFT], flat).max(axis=-1)
        pairs = np.maximum(best, best.T)[np.triu_indices(len(waves), 1)]
        return float(pairs.mean())

    def of_run(self, onset_sample: int) -> Morphology:
        """Tell the morphology of the run that began at `onset_sample`; "" where too few of its beats were found."""
        likeness = self.likeness(onset_sample)
        if likeness is None:
            return ""
        return "monomorphic" if likeness >= _ALIKE else "polymorphic"

    def snapshot(self) -> bytes:
        """Give the whole state."""
        return msgspec.msgpack.encode((self._samples, [wave.tobytes() for wave in self._waves]))

    def restore(self, state: bytes) -> None:
        """Take a state given by `snapshot`."""
        self._samples, waves = msgspec.msgpack.decode(state, type=tuple[list[int], list[bytes]])
        self._waves = [np.frombuffer(raw, np.float32).reshape(2, -1) for raw in waves]
