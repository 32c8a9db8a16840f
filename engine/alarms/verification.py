"""Is an alarm true? A verdict on the evidence, asked before a high-priority alarm is given.

A steady pulse excludes asystole and fibrillation, whatever else there is. The rest was learned from alarms that experts
judged.

Only streams that carry a pulse are asked: the pulse is what can speak against an ECG. An alarm that the verdict holds
false is withheld, with its reason told, for as long as its condition lasts and the verdict stays; the question is put
again at every hop.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from heartwire.engine.ecg.evidence_numbers import NAMES
from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model
from heartwire.engine.messages import FloatArray

KINDS = ("ASYSTOLE", "EXTREME_BRADY", "EXTREME_TACHY", "VF", "VT")
"""The conditions that are verified."""
_PLACE = {name: place for place, name in enumerate(NAMES)}
INPUTS = (*NAMES, *KINDS)
"""What the model takes: the evidence, then which condition it is."""
_ABSENT = -1.0
_EXCLUDED = [KINDS.index("ASYSTOLE"), KINDS.index("VF")]
_STEADY_RR_SPREAD = 0.2
_STEADY_HEIGHT = (0.5, 2.0)
_STEADY_GAP_S = 2.5


def excluded(kinds: npt.NDArray[np.int64] | Sequence[int], evidence: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell which alarms (n_alarms,) a steady pulse excludes.

    Its intervals vary by less than a fifth, its height is the usual one, and none is missing.
    """
    gap_s, rr_spread, height = (evidence[:, _PLACE[f"pulse_{name}"]] for name in ("gap_s", "rr_spread", "height_now"))
    steady = (gap_s < _STEADY_GAP_S) & (rr_spread < _STEADY_RR_SPREAD)
    steady &= (height > _STEADY_HEIGHT[0]) & (height < _STEADY_HEIGHT[1])
    flags: npt.NDArray[np.bool_] = steady & np.isin(kinds, _EXCLUDED)
    return flags


def inputs_of(kinds: npt.NDArray[np.int64] | Sequence[int], evidence: FloatArray) -> FloatArray:
    """Give the model's inputs, (n_alarms, n_inputs): the evidence, -1 for what is absent, and the condition's place."""
    known = np.where(np.isnan(evidence), np.float32(_ABSENT), evidence)
    inputs: FloatArray = np.concatenate((known, np.eye(len(KINDS), dtype=np.float32)[kinds]), axis=1)
    return inputs


class Verifier:
    """Judges the alarms of one stream.

    Parameters
    ----------
    model
        The alarm model; one may serve many streams of the same thread.

    Raises
    ------
    ModelError
        If the model judges other conditions, or on other evidence.
    """

    def __init__(self, model: Model) -> None:
        card = model.card
        if tuple(card.labels) != KINDS or card.inputs["evidence"][1] != len(INPUTS):
            msg = f"model {card.name} judges {card.labels} on {card.inputs['evidence'][1]} numbers: not this engine's"
            raise ModelError(msg)
        self._runner = model.runner()
        self.least = card.settings["least_truth"]
        """Alarms less likely true than this are withheld."""

    def truth(self, condition: str, evidence: FloatArray) -> float:
        """Give how likely an alarm is true on the evidence (n_names,) of now."""
        if excluded([KINDS.index(condition)], evidence[None])[0]:
            return 0.0
        self._runner.inputs["evidence"][...] = inputs_of([KINDS.index(condition)], evidence[None])
        self._runner.run()
        return float(self._runner.outputs["truth"][0, 0])
