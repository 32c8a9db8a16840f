"""X-ray frames from DICOM files: XA and XRF, one frame or many, in any transfer syntax of still images."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, NoReturn, TypeAlias, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.errors import InvalidDicomError

from heartwire.engine.errors import SourceError
from heartwire.engine.messages import EndOfStream, Item, Projection, XrayFrame
from heartwire.engine.source import Dense, Source, frame_array, invert
from heartwire.streams.sources.dicom_frames import stored_frames
from heartwire.streams.sources.dicom_geometry import Plane, frame_times_s, projection, spacing
from heartwire.streams.sources.frame_stamps import FrameStamps
from heartwire.streams.sources.quiet import quiet

_Value = TypeVar("_Value")
Pixels: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
_MAX_BITS = 16


class DicomSource(Source):
    """A DICOM file of one run.

    MONOCHROME1 is inverted, so that darker is denser; colour is turned to grey; signed pixels are shifted to be
    positive. Frame times are those of the header; the spacing is brought to the patient where the header gives the
    magnification.

    Parameters
    ----------
    path
        The file.
    dense
        What dense looks like in the picture that the header asks for; bright frames are inverted.
    """

    path: str
    dense: Dense = "dark"

    def open(self) -> Iterator[Item]:
        """Open the file.

        Raises
        ------
        SourceError
            If the file is absent, damaged, cut short or coded in a way that cannot be decoded.
        """
        dataset = self._attempt(lambda: pydicom.dcmread(self.path))
        return self._items(dataset, self._attempt(lambda: self._header(dataset)))

    def length(self) -> int:
        """Give the number of frames that the header states."""
        return self._attempt(lambda: _n_frames(pydicom.dcmread(self.path, stop_before_pixels=True)))

    def _header(self, dataset: Any) -> _Header:
        if "PixelData" not in dataset:
            self._refuse("it holds no pixel data: it is cut short, or no image")
        photometric, bits = str(dataset.PhotometricInterpretation), int(dataset.BitsAllocated)
        if photometric == "PALETTE COLOR" or not 1 <= bits <= _MAX_BITS:
            self._refuse(f"its pixels are {photometric} with {bits} bits: grey and colour of up to 16 bits are taken")
        n_frames = _n_frames(dataset)
        if n_frames > len(dataset.PixelData):
            self._refuse(f"its header says {n_frames} frames, it holds {len(dataset.PixelData)} bytes of pixels")
        times_s, rate_hz = frame_times_s(dataset, n_frames)
        return _Header(
            times_s=times_s,
            rate_hz=rate_hz,
            spacing=spacing(dataset),
            projection=projection(dataset),
            bits=int(dataset.BitsStored),
            signed=dataset.PixelRepresentation == 1,
            inverted=(photometric == "MONOCHROME1" or dataset.get("PresentationLUTShape") == "INVERSE")
            != (self.dense == "bright"),
        )

    def _refuse(self, why: str) -> NoReturn:
        msg = f"DICOM file {self.path}: {why}"
        raise SourceError(msg)

    def _attempt(self, step: Callable[[], _Value]) -> _Value:
        """Do a step of reading: whatever pydicom and its decoders find wrong becomes one error."""
        try:
            with warnings.catch_warnings(), quiet():
                # Values outside the standard's letter are common and of no consequence here.
                warnings.simplefilter("ignore")
                return step()
        except SourceError:
            raise
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

    def _normal(self, raw: npt.NDArray[Any] | None, header: _Header, used: _Range) -> Pixels | None:
        """Bring a decoded frame to unsigned grey with darker for denser, within what the run has `used` so far."""
        if raw is None:
            return None
        if raw.ndim == 3:
            raw = cv2.cvtColor(np.ascontiguousarray(raw), cv2.COLOR_RGB2GRAY)
        if header.signed:
            raw = used.positive(raw, header.bits)
        used.bits = min(header.bits, max(used.bits, int(raw.max()).bit_length()))
        pixels = frame_array(self.stream, raw.shape, np.uint8 if header.bits <= 8 else np.uint16)
        np.copyto(pixels, raw, casting="unsafe")
        if header.inverted:
            invert(pixels, used.bits)
        return pixels

    def _items(self, dataset: Any, header: _Header) -> Iterator[Item]:
        frames = self._attempt(lambda: stored_frames(dataset, len(header.times_s)))
        spacing_mm, plane = header.spacing
        used, stamps = _Range(), FrameStamps(header.rate_hz)
        for number, time_s in enumerate(header.times_s):
            pixels = self._attempt(lambda: self._normal(next(frames, None), header, used))
            if pixels is None:
                self._refuse(f"it holds {number} frames, its header says {len(header.times_s)}: it is cut short")
            yield XrayFrame(
                stream=self.stream,
                frame=number,
                pixels=pixels,
                bits=used.bits,
                rate_hz=stamps.next(time_s)[1],
                spacing_mm=spacing_mm,
                spacing_plane=plane,
                projection=header.projection,
                captured_ns=round(time_s * 1e9),
            )
        yield EndOfStream(stream=self.stream, offered=len(header.times_s))


class _Header(NamedTuple):
    """What the header says of the run."""

    times_s: list[float]
    rate_hz: float
    spacing: tuple[tuple[float, float] | None, Plane]
    projection: Projection | None
    bits: int
    signed: bool
    inverted: bool


@dataclass
class _Range:
    """What a run has used so far of the range that its header states, which is often far wider.

    The network weighs contrast by the mean grey: it would vanish beside the middle of 16 bits, or their upper end. It
    only grows, so that frames do not flicker.
    """

    bits: int = 8
    below: int = 0
    """Signed pixels go down to as much below 0."""

    def positive(self, raw: npt.NDArray[Any], bits: int) -> npt.NDArray[np.int32]:
        """Shift signed pixels of so many bits to be positive."""
        half = 1 << (bits - 1)
        # Whether the codec has extended the sign or not: modulo the depth both are the same number.
        values = ((raw.astype(np.int32) + half) & (2 * half - 1)) - half
        lowest = int(values.min())
        if lowest < -self.below:
            self.below = min(half, 1 << (-lowest - 1).bit_length())
        return values + np.int32(self.below)


def _n_frames(dataset: Any) -> int:
    return max(1, int(dataset.get("NumberOfFrames") or 1))
