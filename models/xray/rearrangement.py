"""Nodes of a quantised network that only move numbers, put so that ONNX Runtime moves bytes, many at once.

Its CPU kernels lay images out with the channels last, for which its `Resize` to the nearest looks up every number; and
what is dequantised first is moved four bytes a number. The results are the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper


def rearrange(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the network, quantised with QDQ nodes, with its upsampling by 2 and its pixel shuffle rearranged."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim] for v in graph.value_info}
    made_by = {output: node for node in graph.node for output in node.output}
    nodes: list[NodeProto] = []
    for node in model.graph.node:
        source = made_by.get(node.input[0]) if node.input else None
        if source is not None and source.op_type == "DequantizeLinear" and node.op_type == "Resize":
            nodes += _doubled(model.graph, node, source, shapes[node.input[0]])
        elif source is not None and source.op_type == "Slice" and node.op_type == "DepthToSpace":
            dequantise = made_by[source.input[0]]
            nodes.remove(source)
            nodes += _shuffled(node, source, dequantise)
        else:
            nodes.append(node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)
    onnx.checker.check_model(model)
    return model


def _doubled(graph: onnx.GraphProto, resize: NodeProto, dequantise: NodeProto, shape: list[int]) -> Iterator[NodeProto]:
    """Double height and width by copies of pixels, then of rows: (n, c, h, w) bytes are joined as (n, h, w, c)."""
    name = resize.output[0]
    _, channels, height, width = shape
    wide = np.array([-1, height, 1, 2 * width * channels])
    whole = np.array([-1, 2 * height, 2 * width, channels])
    graph.initializer.extend(numpy_helper.from_array(s, f"{name}/{n}") for n, s in (("wide", wide), ("whole", whole)))
    steps: list[tuple[str, list[str], dict[str, object]]] = [
        ("Transpose", [dequantise.input[0]], {"perm": [0, 2, 3, 1]}),
        ("Concat", [f"{name}/0"] * 2, {"axis": 3}),
        ("Reshape", [f"{name}/1", f"{name}/wide"], {}),
        ("Concat", [f"{name}/2"] * 2, {"axis": 2}),
        ("Reshape", [f"{name}/3", f"{name}/whole"], {}),
        ("Transpose", [f"{name}/4"], {"perm": [0, 3, 1, 2]}),
    ]
    for i, (kind, inputs, attributes) in enumerate(steps):
        yield helper.make_node(kind, inputs, [f"{name}/{i}"], f"{name}/{i}", **attributes)
    yield helper.make_node("DequantizeLinear", [f"{name}/5", *dequantise.input[1:]], [name], f"{name}/dequantise")


def _shuffled(shuffle: NodeProto, cut: NodeProto, dequantise: NodeProto) -> Iterator[NodeProto]:
    """Cut and shuffle bytes, then dequantise."""
    name = shuffle.output[0]
    yield helper.make_node("Slice", [dequantise.input[0], *cut.input[1:]], [f"{name}/cut"], cut.name)
    attributes = {a.name: helper.get_attribute_value(a) for a in shuffle.attribute}
    yield helper.make_node("DepthToSpace", [f"{name}/cut"], [f"{name}/bytes"], shuffle.name, **attributes)
    yield helper.make_node("DequantizeLinear", [f"{name}/bytes", *dequantise.input[1:]], [name], f"{name}/dequantise")
