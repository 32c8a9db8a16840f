"""The score of the PhysioNet/CinC Challenge 2015, and alarms judged by their own definition alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import numpy as np
import numpy.typing as npt

from heartwire.engine.alarms.verification import KINDS
from heartwire.engine.ecg.evidence_numbers import NAMES

_Flags = npt.NDArray[np.bool_]


class ChallengeCounts(msgspec.Struct, frozen=True):
    """True and false alarms, given and withheld."""

    tp: int
    tn: int
    fp: int
    fn: int

    @classmethod
    def of(cls, true: _Flags, given: _Flags) -> ChallengeCounts:
        """Count alarms; a given one is held true."""
        return cls(
            int((true & given).sum()),
            int((~true & ~given).sum()),
            int((~true & given).sum()),
            int((true & ~given).sum()),
        )

    @property
    def score(self) -> float:
        """(TP + TN) / (TP + TN + FP + 5 FN), in per cent: a true alarm withheld counts five times."""
        below = self.tp + self.tn + self.fp + 5 * self.fn
        return 100.0 * (self.tp + self.tn) / below if below else 0.0

    @property
    def tpr(self) -> float:
        """True alarms given of all true ones, in per cent."""
        return 100.0 * self.tp / (self.tp + self.fn) if self.tp + self.fn else 0.0

    @property
    def tnr(self) -> float:
        """False alarms withheld of all false ones, in per cent."""
        return 100.0 * self.tn / (self.tn + self.fp) if self.tn + self.fp else 0.0


def _asystole(e: Mapping[str, float]) -> bool:
    return e["gap_s"] >= 4.0 and e["silence_s"] >= 4.0


def _slow(e: Mapping[str, float]) -> bool:
    return e["slow5_bpm"] < 40.0 and not e["pulse_slow5_bpm"] >= 40.0


def _fast(e: Mapping[str, float]) -> bool:
    return e["fast17_bpm"] > 140.0


def _fibrillation(e: Mapping[str, float]) -> bool:
    return e["v8"] >= 0.5 and e["pulse_agreement"] < 0.9


def _tachycardia(e: Mapping[str, float]) -> bool:
    return e["ventricular_fast_run"] >= 5.0 or e["v4"] >= 0.8


DEFINITIONS: dict[str, Callable[[Mapping[str, float]], bool]] = {
    "ASYSTOLE": _asystole,
    "EXTREME_BRADY": _slow,
    "EXTREME_TACHY": _fast,
    "VF": _fibrillation,
    "VT": _tachycardia,
}
"""The challenge's definitions: no beat and no pulse for 4 s; 5 beats below 40; 17 beats above 140; 4 s of fibrillation;
5 ventricular beats above 100 (here 92, so that an interval may be long)."""


def by_definition(kinds: npt.NDArray[np.int64], evidence: npt.NDArray[np.float32]) -> _Flags:
    """Judge alarms by their definitions on the engine's evidence, nothing learned."""
    rows = (dict(zip(NAMES, row, strict=True)) for row in evidence.tolist())
    return np.array([DEFINITIONS[KINDS[kind]](row) for kind, row in zip(kinds, rows, strict=True)])
