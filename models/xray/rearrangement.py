"""The nodes of a quantised device network, put so that ONNX Runtime does more at once and moves less.

Its CPU kernels lay bytes out with the channels last and fill vectors of 16 output channels, best three or more of them.
So two neighbouring pixels of a thin layer are convolved as one of twice the channels; what is upsampled to the nearest
is not copied but added to pairs of rows. All of that gives the same to the last bit. The stem reads patches of bytes
with weights in 8 bits, as the layers after it do, and the head answers in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import onnx
from onnx import NodeProto, helper, numpy_helper

from heartwire.engine.xray.patches import STEP, ZERO
from heartwire.models.xray.stem import CELLS, IMAGE, PATCHES, of_patches, patches_of

Values = npt.NDArray[np.generic]
_LAST, _FIRST = [0, 2, 3, 1], [0, 3, 1, 2]
_THIN = 24
"""Layers of no more output channels are convolved two pixels at a time."""
_LARGEST = 127


class _Graph:
    """A graph being rewritten: what makes each tensor, and the constants. What nothing uses goes at the end."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.model = onnx.shape_inference.infer_shapes(model)
        graph = self.model.graph
        self.shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim][1:] for v in graph.value_info}
        self.made_by = {output: node for node in graph.node for output in node.output}
        self.users = {name: node for node in graph.node for name in node.input}
        self.constants: dict[str, Values] = {t.name: numpy_helper.to_array(t) for t in graph.initializer}

    def make(self, kind: str, inputs: Sequence[str], output: str, **attributes: object) -> str:
        self.made_by[output] = helper.make_node(kind, inputs, [output], output, **attributes)
        return output

    def constant(self, name: str, values: Values) -> str:
        self.constants[name] = values
        return name

    def reshape(self, name: str, output: str, *shape: int) -> str:
        return self.make("Reshape", [name, self.constant(f"{output}/shape", np.array([-1, *shape]))], output)

    def weights(self, conv: NodeProto, values: Values, repeat: int) -> list[str]:
        """Dequantise weights and bias of a convolution: `values` for its weights, the rest `repeat` times."""
        names: list[str] = []
        for name in conv.input[1:]:
            first, *rest = self.made_by[name].input
            parts = [values if not names else np.tile(self.constants[first], repeat)]
            parts += [np.tile(self.constants[part], repeat) for part in rest]
            own = [self.constant(f"{conv.output[0]}/{name}/{i}", part) for i, part in enumerate(parts)]
            names.append(self.make("DequantizeLinear", own, f"{conv.output[0]}/{name}", axis=0))
        return names

    def quantised(self, conv: NodeProto, output: str) -> NodeProto:
        """Quantise what a convolution gives, under another name; gives the node that did so before."""
        before = self.users[conv.output[0]]
        self.make("QuantizeLinear", [conv.output[0], *before.input[1:]], output)
        return before

    def finished(self) -> onnx.ModelProto:
        """Give the model of what leads to the outputs."""
        graph = self.model.graph
        nodes = list(self._leading_to([output.name for output in graph.output]))
        used = {name for node in nodes for name in node.input}
        del graph.node[:], graph.initializer[:], graph.value_info[:]
        graph.node.extend(nodes)
        graph.initializer.extend(numpy_helper.from_array(v, n) for n, v in self.constants.items() if n in used)
        onnx.checker.check_model(self.model, full_check=True)
        return self.model

    def _leading_to(self, names: list[str]) -> Iterator[NodeProto]:
        done: set[str] = set()
        waiting = [(name, False) for name in reversed(names)]
        while waiting:
            name, ready = waiting.pop()
            node = self.made_by.get(name)
            if node is None or node.output[0] in done:
                continue
            if ready:
                done.add(node.output[0])
                yield node
            else:
                waiting.append((name, True))
                waiting += [(needed, False) for needed in reversed(node.input)]


def rearrange(model: onnx.ModelProto) -> onnx.ModelProto:
    """Give the network, quantised with QDQ nodes but for its stem, rearranged."""
    graph = _Graph(model)
    for node in model.graph.node:
        if node.op_type == "Resize":
            _double(graph, node)
        elif node.output[0] == CELLS:
            _answer(graph, node)
        elif node.op_type == "Conv":
            conv = _read_patches(graph, node) if node.input[0] == IMAGE else node
            if _is_thin(graph, conv):
                _pair(graph, conv)
    return graph.finished()


def _attributes(node: NodeProto) -> dict[str, object]:
    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _is_thin(graph: _Graph, conv: NodeProto) -> bool:
    """Whether a convolution goes pixel by pixel, few channels each, and is not doubled already."""
    channels, _, width = graph.shapes[conv.output[0]]
    steps = [_attributes(conv).get(name, [1, 1]) for name in ("strides", "dilations")]
    dequantise = graph.users[graph.users[conv.output[0]].output[0]]
    doubled = graph.users[dequantise.output[0]].op_type == "Resize"
    return channels <= _THIN and width % 2 == 0 and steps == [[1, 1]] * 2 and not doubled


def _pair(graph: _Graph, conv: NodeProto) -> None:
    """Convolve two pixels beside each other as one of twice the channels; the kernel covers what both see."""
    weight = graph.constants[graph.made_by[conv.input[1]].input[0]]
    n, n_in, rows, columns = weight.shape
    pairs = np.zeros((2 * n, n_in, rows, columns + 1), weight.dtype)
    pairs[:n, ..., :columns] = pairs[n:, ..., 1:] = weight
    inputs = [conv.input[0], *graph.weights(conv, pairs, 2)]
    changed = {"kernel_shape": [rows, columns + 1], "strides": [1, 2]}
    graph.make("Conv", inputs, conv.output[0], **_attributes(conv) | changed)
    name = f"{conv.output[0]}/pairs"
    before = graph.quantised(conv, name)
    height, width = graph.shapes[conv.output[0]][1:]
    graph.make("Transpose", [name], f"{name}/last", perm=_LAST)
    graph.reshape(f"{name}/last", f"{name}/apart", height, width, n)
    graph.make("Transpose", [f"{name}/apart"], before.output[0], perm=_FIRST)


def _double(graph: _Graph, resize: NodeProto) -> None:
    """Let the layer before an upsampling by 2 give each pixel twice, and add both rows of the other at once to it."""
    up = graph.made_by[graph.made_by[resize.input[0]].input[0]]
    conv = graph.made_by[up.input[0]]
    weight = graph.constants[graph.made_by[conv.input[1]].input[0]]
    inputs = [conv.input[0], *graph.weights(conv, np.tile(weight, (2, 1, 1, 1)), 2)]
    graph.make("Conv", inputs, conv.output[0], **_attributes(conv))
    n, height, width = graph.shapes[conv.output[0]]
    name = f"{resize.output[0]}/twice"
    graph.quantised(conv, name)
    graph.make("Transpose", [name], f"{name}/last", perm=_LAST)
    graph.reshape(f"{name}/last", f"{name}/rows", height, 1, 2 * width * n)
    quantise = graph.users[resize.output[0]]
    if [graph.constants[a].item() for a in quantise.input[1:]] != [graph.constants[a].item() for a in up.input[1:]]:
        msg = f"{resize.name} is quantised with another scale than what it doubles"
        raise ValueError(msg)
    dequantise = graph.users[quantise.output[0]]
    add = graph.users[dequantise.output[0]]
    other = graph.made_by[next(name for name in add.input if name != dequantise.output[0])]
    skip = f"{add.output[0]}/skip"
    graph.make("Transpose", [other.input[0]], f"{skip}/last", perm=_LAST)
    graph.reshape(f"{skip}/last", f"{skip}/rows", height, 2, 2 * width * n)
    terms = [
        graph.make("DequantizeLinear", [f"{name}/rows", *up.input[1:]], f"{name}/real"),
        graph.make("DequantizeLinear", [f"{skip}/rows", *other.input[1:]], f"{skip}/real"),
    ]
    graph.make("Add", terms, add.output[0])
    total = f"{add.output[0]}/rows"
    before = graph.quantised(add, total)
    graph.reshape(total, f"{total}/apart", 2 * height, 2 * width, n)
    graph.make("Transpose", [f"{total}/apart"], before.output[0], perm=_FIRST)


def _answer(graph: _Graph, last: NodeProto) -> None:
    """Give the bytes themselves, a step each."""
    dequantise = graph.made_by[last.input[0]]
    scale, zero = dequantise.input[1:]
    graph.constants[scale], graph.constants[zero] = np.array(1.0, np.float32), np.array(0, np.uint8)
    graph.make("Transpose", [dequantise.input[0]], CELLS, perm=_LAST)
    graph.model.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8


def _read_patches(graph: _Graph, stem: NodeProto) -> NodeProto:
    """Quantise the stem and let it read patches; bytes from 0 on rectify what it gives. Gives its convolution."""
    weight = of_patches(np.asarray(graph.constants[stem.input[1]], np.float32))
    scale = np.abs(weight).max(axis=(1, 2, 3)) / np.float32(_LARGEST)
    of_bias = scale * np.float32(STEP)
    eight = np.rint(weight / scale[:, None, None, None]).astype(np.int8)
    of_stem = graph.constants[stem.input[2]] if len(stem.input) > 2 else np.zeros(len(scale), np.float32)
    bias = np.rint(of_stem / of_bias).astype(np.int32)
    inputs = []
    for kind, parts, axis in (
        ("image", (np.array(STEP, np.float32), np.array(ZERO, np.uint8)), None),
        ("weight", (eight, scale), 0),
        ("bias", (bias, of_bias), 0),
    ):
        names = [graph.constant(f"{PATCHES}/{kind}/{i}", part) for i, part in enumerate(parts)]
        if axis is None:
            names.insert(0, graph.make("Transpose", [PATCHES], f"{PATCHES}/first", perm=_FIRST))
        inputs.append(graph.make("DequantizeLinear", names, f"{PATCHES}/{kind}", axis=axis))
    image = graph.model.graph.input[0]
    image.CopyFrom(patches_of(image))
    graph.make("Conv", inputs, stem.output[0])
    quantise = graph.users[graph.users[stem.output[0]].output[0]]
    graph.users[stem.output[0]] = quantise
    graph.quantised(stem, quantise.output[0])
    return graph.made_by[stem.output[0]]
