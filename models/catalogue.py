"""Which models ship: their cards, and the check that weights and card belong together.

A model is `NAME.onnx` beside its card `NAME.toml`. Weights whose sha256 is not the card's are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from heartwire.engine.errors import ModelError
from heartwire.models.classifiers import EcgClassifier, FrameClassifier

WEIGHTS = Path(__file__).parent / "weights"


class ModelCard(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a model is, what it expects, what it was made from, and what it is not for.

    `inputs` and `outputs` map tensor names to shapes; the first dimension is the batch (-1: any). Inputs named
    `state_*` are carried from call to call from the outputs `next_state_*`. `settings` holds the numbers that the
    processing code needs (rates, look-ahead, thresholds chosen on training data), with the unit in the name. `classify`
    says how the engine hosts a classifier of somebody's own, from the card alone; those need not tell of a training.
    """

    name: str
    version: str
    task: str
    sha256: str
    inputs: dict[str, list[int]]
    outputs: dict[str, list[int]]
    labels: list[str] = []
    settings: dict[str, float] = {}
    classify: EcgClassifier | FrameClassifier | None = None
    data: list[str] = []
    split: str = ""
    seed: int = 0
    command: str = ""
    metrics: dict[str, float] = {}
    intended_use: str
    limits: str
    licence: str = "Apache-2.0"


def sha256_of(path: Path) -> str:
    """Hash a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_card(path: Path) -> ModelCard:
    """Read the card beside a model.

    Raises
    ------
    ModelError
        If the card is missing or malformed.
    """
    card_path = path.with_suffix(".toml")
    try:
        return msgspec.toml.decode(card_path.read_bytes(), type=ModelCard)
    except FileNotFoundError:
        msg = f"model {path.name} has no card: expected {card_path}"
        raise ModelError(msg) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        msg = f"model card {card_path} is malformed: {error}"
        raise ModelError(msg) from None


def verify(path: Path) -> ModelCard:
    """Check that the weights at `path` are the ones their card describes.

    Raises
    ------
    ModelError
        If weights or card are missing, or the sha256 differs.
    """
    if not path.is_file():
        msg = f"model {path} does not exist: `heartwire models list` shows what ships"
        raise ModelError(msg)
    card = read_card(path)
    if (found := sha256_of(path)) != card.sha256:
        msg = f"model {path.name} is not the one its card describes: sha256 {found[:12]}..., card {card.sha256[:12]}..."
        raise ModelError(msg)
    return card


def check_alike(running: ModelCard, other: ModelCard) -> None:
    """Check that a model can go on where another one stops: the same tensors, states included.

    Raises
    ------
    ModelError
        With the tensor that differs.
    """
    for what, ours, theirs in (
        ("input", running.inputs, other.inputs),
        ("output", running.outputs, other.outputs),
    ):
        for name in sorted({*ours, *theirs}):
            if ours.get(name) != theirs.get(name):
                there, here = theirs.get(name, "absent"), ours.get(name, "absent")
                msg = f"model {other.name} {other.version} does not fit: {what} {name!r} is {there}, "
                msg += f"{here} in {running.name} {running.version} at work"
                raise ModelError(msg)


def model_path(name: str) -> Path:
    """Resolve a shipped model's name (`ecg-beats`, `folds/ecg-vf-0`) or a path to an .onnx file."""
    path = Path(name)
    return path if path.suffix == ".onnx" else WEIGHTS / f"{name}.onnx"


def shipped() -> Iterator[Path]:
    """Give the paths of every shipped model."""
    yield from sorted(WEIGHTS.rglob("*.onnx"))
