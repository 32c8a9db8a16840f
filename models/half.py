"""A float model in half precision, for GPUs: half the weights to read, and tensor cores; tensors stay float32 outside.

Needs the training extra.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

from heartwire.models.catalogue import read_card
from heartwire.models.export import write_card


def ship_half(path: Path, card_of: Path) -> Path:
    """Write the half-precision form of the float model at `path` beside the model that ships for CPUs.

    Parameters
    ----------
    path
        The exported float32 .onnx file.
    card_of
        The model for CPUs, its card beside it: the form for GPUs has the same tensors and settings.

    Returns
    -------
    `gpu/NAME.onnx`, its card beside it.
    """
    half = card_of.parent / "gpu" / card_of.name
    half.parent.mkdir(exist_ok=True)
    model = convert_float_to_float16(onnx.load(path), keep_io_types=True)
    # The conversion appends the casts of its inputs at the end.
    OnnxModel.graph_topological_sort(model.graph)
    onnx.checker.check_model(model, full_check=True)
    half.write_bytes(model.SerializeToString(deterministic=True))
    write_card(read_card(card_of), half)
    return half
