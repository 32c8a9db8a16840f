"""A classifier as its card describes it: checked, opened, and asked."""

from __future__ import annotations

import math
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model, shared
from heartwire.engine.providers import ProviderChoice
from heartwire.engine.session import ORT_ERRORS
from heartwire.models.catalogue import ModelCard
from heartwire.models.classifiers import EcgClassifier, FrameClassifier

Array = npt.NDArray[np.float32]
Described = TypeVar("Described", EcgClassifier, FrameClassifier)


class Hosted(Generic[Described]):
    """A classifier of somebody's own.

    Parameters
    ----------
    name
        Path of the .onnx file, its card beside it.
    kind
        Which table `[classify]` the card must have.
    provider, threads
        As for `Model`.

    Raises
    ------
    ModelError
        If weights or card are missing or do not match each other; says the card's path and the field.
    """

    def __init__(self, name: str, kind: type[Described], provider: ProviderChoice, threads: int) -> None:
        self.model: Model = shared(name, provider, threads)
        card = self.model.card
        self._where = f"model card {self.model.path.with_suffix('.toml')}"
        if not isinstance(card.classify, kind):
            on = "ecg" if kind is EcgClassifier else "frames"
            self.refuse(f'the table [classify] with on = "{on}" is missing', "classify")
        self.described: Described = card.classify  # type: ignore[assignment]
        self.labels = tuple(card.labels)
        self._check(card)
        ((self.input_name, shape),) = card.inputs.items()
        self.shape = tuple(shape[1:])
        try:
            self._runner = self.model.runner()
        except (*ORT_ERRORS, RuntimeError, ValueError) as error:
            reason = " ".join(str(error).split())[:200]
            self.refuse(f"the network does not run on float32 tensors of these shapes: {reason}", "inputs")
        (self._output,) = self._runner.outputs.values()
        self.input: Array = self._runner.inputs[self.input_name][0]
        """Fill it, then call `probabilities`."""

    def refuse(self, why: str, field: str) -> None:
        """Refuse the card.

        Raises
        ------
        ModelError
            Always.
        """
        msg = f"{self._where}: {why} - at `$.{field}`"
        raise ModelError(msg)

    def _check(self, card: ModelCard) -> None:
        if len(card.inputs) != 1 or len(card.outputs) != 1:
            self.refuse("a hosted classifier has one input and one output", "inputs")
        (shape,), (scores,) = card.inputs.values(), card.outputs.values()
        if len(shape) < 2 or shape[0] not in (1, -1) or min(shape[1:]) < 1:
            self.refuse(f"{shape}: expected a batch of 1 or -1, then whole numbers above 0", "inputs")
        if len(self.labels) < 2 or len(set(self.labels)) < len(self.labels):
            self.refuse("expected two labels or more, each once; the first holds where no other is seen", "labels")
        if math.prod(scores[1:]) != len(self.labels) or scores[0] not in (1, -1):
            self.refuse(f"{scores}: expected a batch and {len(self.labels)} scores, one a label", "outputs")
        for field in ("begin", "end", "alarm"):
            for label in getattr(self.described, field):
                if label not in self.labels[1:]:
                    self.refuse(f"{label!r} is none of the labels after the first", f"classify.{field}")
        for label in self.labels[1:]:
            begin = self.described.begin.get(label, 0.5)
            if self.described.end.get(label, begin) > begin:
                self.refuse(f"{label!r} would end above where it begins", "classify.end")

    def probabilities(self) -> npt.NDArray[np.float64]:
        """Ask the network about `input`; give the probability of each label.

        Raises
        ------
        ModelError
            If the network gives numbers that are not finite, or probabilities outside 0 to 1.
        """
        self._runner.run()
        scores = self._output.reshape(-1).astype(np.float64)
        if not np.isfinite(scores).all():
            msg = f"model {self.model.card.name} gave {scores.tolist()}: its scores must be finite"
            raise ModelError(msg)
        match self.described.scores:
            case "logits":
                raised = np.exp(scores - scores.max())
                return np.asarray(raised / raised.sum())
            case "logits-each":
                return np.asarray(0.5 * (1.0 + np.tanh(0.5 * scores)))
        if scores.min() < -1e-3 or scores.max() > 1.001:
            why = 'no probabilities; say scores = "logits" in its card'
            msg = f"model {self.model.card.name} gave {scores.tolist()}: {why}"
            raise ModelError(msg)
        return np.clip(scores, 0.0, 1.0)
