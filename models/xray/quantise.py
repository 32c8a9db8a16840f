"""The X-ray networks in 8 bits: two to three times as fast on a CPU with 8-bit dot products (AVX512-VNNI).

Static quantisation with unsigned activations and signed weights per channel; the first layer, which sees the image
itself, stays in float, as do the last ones of the tip network, whose places are finer than a step.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from heartwire.models.xray.rearrangement import rearrange

Array: TypeAlias = npt.NDArray[np.float32]


class _Examples(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, name: str, examples: Iterable[Array]) -> None:
        self._given = ({name: example[None]} for example in examples)

    def get_next(self) -> dict[str, Array] | None:
        return next(self._given, None)


def quantise_devices(plain: Path, path: Path, images: Iterable[Array]) -> None:
    """Write the 8-bit form of a float device network.

    Parameters
    ----------
    plain
        The exported .onnx file.
    path
        Where its 8-bit form goes.
    images
        Conditioned images (3, h, w) of the network's size, of the kind that it will see: they set the ranges.
    """
    _quantise(plain, path, _Examples("image", images), kinds=["Conv", "Add", "Relu", "Resize"], in_float=slice(1))
    onnx.save(rearrange(onnx.load(path)), path)


def quantise_tips(plain: Path, path: Path, crops: Iterable[Array]) -> None:
    """Write the 8-bit form of a float tip network; `crops` (1, 48, 48) set the ranges."""
    _quantise(plain, path, _Examples("crop", crops), kinds=["Conv", "Relu"], in_float=slice(None, None, 5))


def _quantise(plain: Path, path: Path, examples: _Examples, *, kinds: list[str], in_float: slice) -> None:
    """Quantise nodes of some kinds, but not the convolutions `in_float`."""
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        convolutions = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
        level = logging.root.level
        quantize_static(
            str(prepared),
            str(path),
            examples,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=kinds,
            nodes_to_exclude=convolutions[in_float],
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        logging.root.setLevel(level)
