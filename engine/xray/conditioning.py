"""Frames of any size and depth to the network's image, and positions back to frame pixels.

The frame is scaled whole, aspect kept, into the top left of a square; its local contrast is normalised (local mean
taken off, divided by the local deviation) with the square's empty part counting for nothing.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

NETWORK_SIZE_PX = 512
_STEP = 4  # the local mean and deviation are smooth: a quarter of the resolution holds them
_MEAN_SIGMA_PX = 20.0
_DEVIATION_SIGMA_PX = 30.0
_FLOOR = 0.02  # of the frame's mean grey: keeps the noise of an empty field small
_CLIP = 5.0


def _smooth(image: Array, sigma_px: float) -> Array:
    smoothed: Array = cv2.GaussianBlur(image, (0, 0), sigma_px / _STEP, borderType=cv2.BORDER_CONSTANT)
    return smoothed


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _take_off(image: Array, mean: Array, out: Array, square: Array) -> None:
    """Take the local mean off, and square what is left."""
    for row in range(len(image)):
        for column in range(image.shape[1]):
            value = image[row, column] - mean[row, column]
            out[row, column] = value
            square[row, column] = value * value


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _rescale(out: Array, scale: Array) -> None:
    """Scale in place and clip."""
    for row in range(len(out)):
        for column in range(out.shape[1]):
            out[row, column] = min(max(out[row, column] * scale[row, column], np.float32(-_CLIP)), np.float32(_CLIP))


class LocalContrast:
    """Local contrast normalisation for images of one shape; buffers are made once.

    Parameters
    ----------
    height, width
        Shape of the images in px.
    """

    def __init__(self, height: int, width: int) -> None:
        self.shape = (height, width)
        self._coarse = (max(1, -(-width // _STEP)), max(1, -(-height // _STEP)))
        ones = np.ones(self._coarse[::-1], np.float32)
        self._mean_weight = 1.0 / _smooth(ones, _MEAN_SIGMA_PX)
        self._deviation_weight = 1.0 / _smooth(ones, _DEVIATION_SIGMA_PX)
        self._fine = np.empty(self.shape, np.float32)
        self._square = np.empty(self.shape, np.float32)
        self._scale = np.zeros(self.shape, np.float32)

    def apply(self, image: Array, out: Array) -> None:
        """Normalise `image` (height, width), any positive scale, into `out` of the same shape.

        The result has no unit: 1 is one local deviation; it is clipped to -5..5 and does not depend on the grey scale's
        unit.
        """
        height, width = self.shape
        mean = self._take_mean(image, out)
        variance = cv2.resize(self._square, self._coarse, interpolation=cv2.INTER_AREA)
        deviation = np.sqrt(_smooth(variance, _DEVIATION_SIGMA_PX) * self._deviation_weight)
        floor = np.float32(_FLOOR) * mean + np.float32(1e-12)
        cv2.resize(1.0 / (deviation + floor), (width, height), dst=self._scale, interpolation=cv2.INTER_LINEAR)
        _rescale(out, self._scale)

    def apply_alike(self, image: Array, out: Array) -> None:
        """Normalise `image` with its own local mean but the local deviation of the image applied last.

        So the average of frames of one run comes out as the average of their conditioned images.
        """
        self._take_mean(image, out)
        _rescale(out, self._scale)

    def _take_mean(self, image: Array, out: Array) -> float:
        """Take the local mean off; gives the mean of the image."""
        height, width = self.shape
        coarse = cv2.resize(image, self._coarse, interpolation=cv2.INTER_AREA)
        mean = _smooth(coarse, _MEAN_SIGMA_PX) * self._mean_weight
        cv2.resize(mean, (width, height), dst=self._fine, interpolation=cv2.INTER_LINEAR)
        _take_off(image, self._fine, out, self._square)
        return float(coarse.mean())


class Conditioner:
    """Frames of one shape to the network's image and back; made anew where the shape changes.

    Parameters
    ----------
    height, width
        Shape of the frames in px.
    size
        Side of the network's square image in px.
    """

    def __init__(self, height: int, width: int, size: int = NETWORK_SIZE_PX) -> None:
        self.shape = (height, width)
        self.size = size
        self.scale = size / max(height, width)
        """Network px per frame px, before rounding to whole px."""
        self.inner_width = max(1, min(size, round(width * self.scale)))
        self.inner_height = max(1, min(size, round(height * self.scale)))
        self._ratio_x = self.inner_width / width
        self._ratio_y = self.inner_height / height
        self._contrast = LocalContrast(self.inner_height, self.inner_width)
        self._grey = np.empty((height, width), np.float32)
        self._normalised = np.empty((self.inner_height, self.inner_width), np.float32)

    def apply(self, pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Array:
        """Give the conditioned frame (inner_height, inner_width), darker denser; the next call overwrites it."""
        grey = self._grey
        np.copyto(grey, pixels)
        if grey.shape != self._normalised.shape:
            how = cv2.INTER_AREA if self.scale < 1.0 else cv2.INTER_LINEAR
            grey = cv2.resize(grey, (self.inner_width, self.inner_height), interpolation=how)
        self._contrast.apply(grey, self._normalised)
        return self._normalised

    def to_frame(self, points: Array) -> Array:
        """Map positions (n, 2) as (x, y) from the network's image to the frame, px, pixel centres at whole numbers."""
        ratio = np.array([self._ratio_x, self._ratio_y], np.float32)
        mapped: Array = (points.astype(np.float32) + np.float32(0.5)) / ratio - np.float32(0.5)
        return mapped

    def to_network(self, points: Array) -> Array:
        """Map positions (n, 2) as (x, y) from the frame to the network's image, px."""
        ratio = np.array([self._ratio_x, self._ratio_y], np.float32)
        mapped: Array = (points.astype(np.float32) + np.float32(0.5)) * ratio - np.float32(0.5)
        return mapped
