"""X-ray frames from DICOM files: XA and XRF, one frame or many, in any transfer syntax that pydicom can decode."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.pixels import iter_pixels

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EndOfStream, Item, XrayFrame
from heartwire.engine.source import Source
from heartwire.streams.sources.dicom_geometry import frame_times_s, spacing
from heartwire.streams.sources.quiet import quiet

_Value = TypeVar("_Value")
Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_MAX_BITS = 16


class DicomSource(Source):
    """A DICOM file of one run.

    MONOCHROME1 is inverted, so that darker is denser; colour is turned to grey; signed pixels are shifted to begin at
    0. Frame times are those of the header; the spacing is brought to the patient where the header gives the
    magnification.

    Parameters
    ----------
    path
        The file.
    """

    path: str

    def open(self) -> Iterator[Item]:
        """Open the file.

        Raises
        ------
        SourceError
            If the file is absent, damaged, cut short or coded in a way that cannot be decoded.
        """
        dataset = self._dataset()
        return self._items(dataset)

    def length(self) -> int:
        """Give the number of frames that the header states."""
        return _n_frames(self._attempt(lambda: pydicom.dcmread(self.path, stop_before_pixels=True)))

    def _dataset(self) -> Any:
        dataset = self._attempt(lambda: pydicom.dcmread(self.path))
        if "PixelData" not in dataset:
            self._refuse("it holds no pixel data: it is cut short, or no image")
        photometric, bits = dataset.get("PhotometricInterpretation", ""), dataset.get("BitsAllocated", 0)
        if photometric == "PALETTE COLOR" or not 1 <= bits <= _MAX_BITS:
            self._refuse(f"its pixels are {photometric} with {bits} bits: grey and colour of up to 16 bits are taken")
        return dataset

    def _refuse(self, why: str) -> None:
        msg = f"DICOM file {self.path}: {why}"
        raise SourceError(msg)

    def _attempt(self, step: Callable[[], _Value]) -> _Value:
        """Do a step of reading: whatever pydicom and its decoders find wrong becomes one error."""
        try:
            with warnings.catch_warnings(), quiet():
                # Values outside the standard's letter are common and of no consequence here.
                warnings.simplefilter("ignore")
                return step()
        except (FileNotFoundError, IsADirectoryError):
            msg = f"DICOM file {self.path}: there is no such file"
            raise SourceError(msg) from None
        except InvalidDicomError:
            msg = f"DICOM file {self.path}: it is no DICOM file, or its beginning is damaged"
            raise SourceError(msg) from None
        except Exception as error:
            text = " ".join(str(error).split())[:200] or type(error).__name__
            msg = f"DICOM file {self.path} cannot be decoded ({text}): it is damaged, cut short or of an unknown coding"
            raise SourceError(msg) from error

    def _items(self, dataset: Any) -> Iterator[Item]:
        n_frames = _n_frames(dataset)
        times_s, rate_hz = frame_times_s(dataset, n_frames)
        spacing_mm, plane = spacing(dataset)
        frames = iter_pixels(dataset)
        number = 0
        while (raw := self._attempt(lambda: next(frames, None))) is not None and number < n_frames:
            yield XrayFrame(
                stream=self.stream,
                frame=number,
                pixels=_normal(raw, dataset),
                bits=int(dataset.BitsStored),
                rate_hz=rate_hz,
                spacing_mm=spacing_mm,
                spacing_plane=plane,
                captured_ns=round(times_s[number] * 1e9),
            )
            number += 1
        if number < n_frames:
            self._refuse(f"it holds {number} frames, its header says {n_frames}: it is cut short")
        yield EndOfStream(stream=self.stream, offered=number)


def _n_frames(dataset: Any) -> int:
    return max(1, int(dataset.get("NumberOfFrames") or 1))


def _normal(raw: npt.NDArray[Any], dataset: Any) -> Pixels:
    """Bring a decoded frame to unsigned grey with darker for denser."""
    if raw.ndim == 3:
        raw = cv2.cvtColor(np.ascontiguousarray(raw), cv2.COLOR_RGB2GRAY)
    bits = int(dataset.BitsStored)
    if raw.dtype.kind == "i":
        raw = raw.astype(np.int32) + (1 << (bits - 1))
    pixels: Pixels = raw.astype(np.uint8) if bits <= 8 else raw.astype(np.uint16)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        np.subtract((1 << bits) - 1, pixels, out=pixels)
    return pixels
