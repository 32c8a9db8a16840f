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


def _part_scales(model: onnx.ModelProto) -> None:
    """Give each Resize scales of its own: the conversion names the casts of what blocked nodes share alike."""
    constants = {constant.name: constant for constant in model.graph.initializer}
    for k, node in enumerate(node for node in model.graph.node if node.op_type == "Resize"):
        for i, name in enumerate(node.input):
            if name in constants:
                own = onnx.TensorProto()
                own.CopyFrom(constants[name])
                own.name = node.input[i] = f"{name}_{k}"
                model.graph.initializer.append(own)
    used = {name for node in model.graph.node for name in node.input}
    for name, constant in constants.items():
        if name not in used:
            model.graph.initializer.remove(constant)


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
    plain = onnx.load(path)
    del plain.graph.value_info[:]  # what the exporter says of types will not hold
    _part_scales(plain)
    model = convert_float_to_float16(plain, keep_io_types=True)
    # The conversion appends the casts of its inputs at the end.
    OnnxModel.graph_topological_sort(model.graph)
    onnx.checker.check_model(model, full_check=True)
    half.write_bytes(model.SerializeToString(deterministic=True))
    write_card(read_card(card_of), half)
    return half
