"""The device network between bytes: `engine.xray.patches` in place of images, and `engine.xray.cells` as its answer."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from heartwire.engine.xray.patches import PATCH_PX, PLANES, STEP, ZERO, shape_of

IMAGE, PATCHES, CELLS = "image", "patches", "cells"


def of_patches(weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give the weights (n, 48, 2, 2) over patches of the stem's (n, 3, 8, 8) over pixels."""
    parted = weight.reshape(len(weight), PLANES, 2, PATCH_PX, 2, PATCH_PX)
    return np.ascontiguousarray(parted.transpose(0, 1, 3, 5, 2, 4)).reshape(len(weight), -1, 2, 2)


def of_pixels(weight: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give the weights over pixels of those over patches: the inverse of `of_patches`."""
    parted = weight.reshape(len(weight), PLANES, PATCH_PX, PATCH_PX, 2, 2)
    return np.ascontiguousarray(parted.transpose(0, 1, 4, 2, 5, 3)).reshape(len(weight), PLANES, 2 * PATCH_PX, -1)


def patches_of(image: onnx.ValueInfoProto) -> onnx.ValueInfoProto:
    """Give the input that stands for that of whole images."""
    batch, _, size, _ = image.type.tensor_type.shape.dim
    shape = [batch.dim_param or batch.dim_value, *shape_of(size.dim_value)]
    return helper.make_tensor_value_info(PATCHES, TensorProto.UINT8, shape)


def between_bytes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give a float network that reads patches and answers in cells."""
    graph = model.graph
    graph.input[0].CopyFrom(patches_of(graph.input[0]))
    del graph.value_info[:]  # what the exporter says of shapes does not hold
    stem = next(node for node in graph.node if IMAGE in node.input)
    weight = next(tensor for tensor in graph.initializer if tensor.name == stem.input[1])
    weight.CopyFrom(numpy_helper.from_array(of_patches(numpy_helper.to_array(weight)), weight.name))
    zero, step = (f"{PATCHES}/{name}" for name in ("zero", "step"))
    graph.initializer.extend(numpy_helper.from_array(np.float32(v), n) for n, v in ((zero, ZERO), (step, STEP)))
    read = [
        _step("Cast", [PATCHES], 0, to=TensorProto.FLOAT),
        _step("Sub", [f"{PATCHES}/0", zero], 1),
        _step("Mul", [f"{PATCHES}/1", step], 2),
        _step("Transpose", [f"{PATCHES}/2"], 3, perm=[0, 3, 1, 2]),
    ]
    conv = helper.make_node("Conv", [f"{PATCHES}/3", *stem.input[1:]], stem.output, stem.name)
    nodes = [*read, conv, *(node for node in graph.node if node is not stem), *_rounded(model)]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model


def _rounded(model: onnx.ModelProto) -> list[NodeProto]:
    """Give the nodes that round the answer to bytes."""
    graph = model.graph
    last = next(node for node in graph.node if CELLS in node.output)
    last.output[0] = f"{CELLS}/0"
    least, most = (f"{CELLS}/{name}" for name in ("least", "most"))
    graph.initializer.extend(numpy_helper.from_array(np.float32(v), n) for n, v in ((least, 0), (most, 255)))
    graph.output[0].type.tensor_type.elem_type = TensorProto.UINT8
    return [
        helper.make_node("Round", [f"{CELLS}/0"], [f"{CELLS}/1"], f"{CELLS}/1"),
        helper.make_node("Clip", [f"{CELLS}/1", least, most], [f"{CELLS}/2"], f"{CELLS}/2"),
        helper.make_node("Cast", [f"{CELLS}/2"], [CELLS], CELLS, to=TensorProto.UINT8),
    ]


def _step(kind: str, inputs: list[str], number: int, **attributes: object) -> NodeProto:
    return helper.make_node(kind, inputs, [f"{PATCHES}/{number}"], f"{PATCHES}/{number}", **attributes)
