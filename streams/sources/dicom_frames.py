"""The frames of a DICOM file, decoded one by one, as they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom import uid
from pydicom.encaps import generate_frames
from pydicom.pixels import iter_pixels

_CODECS: dict[str, Callable[[bytes], npt.NDArray[Any]]] = {
    uid.JPEGBaseline8Bit: imagecodecs.jpeg_decode,
    uid.JPEGExtended12Bit: imagecodecs.jpeg_decode,
    uid.JPEGLossless: imagecodecs.jpeg_decode,
    uid.JPEGLosslessSV1: imagecodecs.jpeg_decode,
    uid.JPEGLSLossless: imagecodecs.jpegls_decode,
    uid.JPEGLSNearLossless: imagecodecs.jpegls_decode,
    uid.JPEG2000Lossless: imagecodecs.jpeg2k_decode,
    uid.JPEG2000: imagecodecs.jpeg2k_decode,
    uid.HTJ2KLossless: imagecodecs.jpeg2k_decode,
    uid.HTJ2KLosslessRPCL: imagecodecs.jpeg2k_decode,
    uid.HTJ2K: imagecodecs.jpeg2k_decode,
}
"""Codecs that turn damaged data into an exception; some that pydicom knows end the process instead."""


def stored_frames(dataset: Any, n_frames: int) -> Iterator[npt.NDArray[Any]]:
    """Decode frame by frame: (height, width), or (height, width, 3) for colour, which comes as RGB.

    Parameters
    ----------
    dataset
        A pydicom dataset with its pixels.
    n_frames
        Number of frames that the header states.

    Raises
    ------
    Exception
        Whatever pydicom or the codec raises for data that it cannot decode.
    """
    codec = _CODECS.get(dataset.file_meta.TransferSyntaxUID)
    if codec is None:
        yield from iter_pixels(dataset)
        return
    shape = (dataset.Rows, dataset.Columns)
    for number, raw in enumerate(generate_frames(dataset.PixelData, number_of_frames=n_frames)):
        frame = np.asarray(codec(raw))
        if frame.shape[:2] != shape:
            msg = f"frame {number} is {frame.shape[1]} x {frame.shape[0]}, the header says {shape[1]} x {shape[0]}"
            raise ValueError(msg)
        yield frame
