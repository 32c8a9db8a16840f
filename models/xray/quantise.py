"""The device network in 8 bits: about twice as fast on a CPU with 8-bit dot products (AVX512-VNNI).

Static quantisation with unsigned activations and signed weights per channel; the stem, which sees the image itself,
stays in float.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from heartwire.models.xray.rearrangement import rearrange


class _Images(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, images: Iterable[npt.NDArray[np.float32]]) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, npt.NDArray[np.float32]] | None:
        image = next(self._images, None)
        return None if image is None else {"image": image[None]}


def quantise(plain: Path, path: Path, images: Iterable[npt.NDArray[np.float32]]) -> None:
    """Write the 8-bit form of a float model.

    Parameters
    ----------
    plain
        The exported .onnx file.
    path
        Where its 8-bit form goes.
    images
        Conditioned images (3, h, w) of the network's size, of the kind that it will see: they set the ranges.
    """
    with tempfile.TemporaryDirectory() as folder:
        prepared = Path(folder) / "prepared.onnx"
        quant_pre_process(str(plain), str(prepared), skip_symbolic_shape=True)
        nodes = onnx.load(prepared).graph.node
        stem = [node.name for node in nodes if node.op_type == "Conv"][:1]
        level = logging.root.level
        quantize_static(
            str(prepared),
            str(path),
            _Images(images),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "Relu", "Resize"],
            nodes_to_exclude=stem,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        logging.root.setLevel(level)
    onnx.save(rearrange(onnx.load(path)), path)
