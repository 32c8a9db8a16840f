"""Frames of any size and depth to the network's image, and positions back to frame pixels.

The frame is scaled whole, aspect kept, into the top left of a square; its local contrast is normalised (local mean
taken off, divided by the local deviation) with the square's empty part counting for nothing.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numba
import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float32]
Frame: TypeAlias = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Pixels: TypeAlias = Frame | Array

NETWORK_SIZE_PX = 512
_STEP = 4  # the local mean and deviation are smooth: a quarter of the resolution holds them
_MEAN_SIGMA_PX = 20.0
_DEVIATION_SIGMA_PX = 30.0
_REACH = 4.0
"""Deviations out to which a Gaussian is weighed."""
_FLOOR = 0.02  # of the frame's mean grey: keeps the noise of an empty field small
_CLIP = 5.0
_MIDDLE = np.float32(0.5)
"""From the corner of a pixel to its centre."""


def _gaussian(sigma_px: float) -> Array:
    """Give the weights of a Gaussian over cells, out to four deviations."""
    reach = round(_REACH * sigma_px / _STEP)
    kernel: Array = cv2.getGaussianKernel(2 * reach + 1, sigma_px / _STEP, cv2.CV_32F)[:, 0]
    return kernel


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def between(above: np.float32, below: np.float32, weight: np.float32) -> np.float32:
    """Interpolate; the weight is that of `below`."""
    return above + weight * (below - above)


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def normalised(grey: np.float32, mean: np.float32, scale: np.float32) -> np.float32:
    """Give a normalised grey, within -5..5."""
    return min(max((grey - mean) * scale, np.float32(-_CLIP)), np.float32(_CLIP))


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _means(image: Pixels, cells: Array) -> None:
    """Give the mean of each cell of 4 x 4 px; those at the end may be smaller."""
    height, width = image.shape
    total = np.zeros(width, np.float32)
    for row in range(height):
        for column in range(width):
            total[column] += np.float32(image[row, column])
        if row % _STEP == _STEP - 1 or row == height - 1:
            _finish_cells(total, row % _STEP + 1, cells[row // _STEP])


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _smooth(cells: Array, kernel: Array) -> Array:
    """Smooth cells (m, n); beyond them is nothing."""
    height, width = cells.shape
    reach = len(kernel) // 2
    smoothed, line = np.empty_like(cells), np.zeros(width + 2 * reach, np.float32)
    inside = line[reach : reach + width]
    for row in range(height):
        inside[:] = 0.0
        for other in range(max(0, row - reach), min(height, row + reach + 1)):
            weight, own = kernel[other - row + reach], cells[other]
            for column in range(width):
                inside[column] += weight * own[column]
        out = smoothed[row]
        out[:] = 0.0
        for k in range(len(kernel)):
            weight, beside = kernel[k], line[k : k + width]
            for column in range(width):
                out[column] += weight * beside[column]
    return smoothed


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _finish_cells(total: Array, rows: int, cells: Array) -> None:
    """Give cells (n,) the means of what was summed up over `rows` rows (w,), and clear the sums."""
    width = len(total)
    for cell in range(width // _STEP):
        cells[cell] = (total[4 * cell] + total[4 * cell + 1] + total[4 * cell + 2] + total[4 * cell + 3]) / np.float32(
            rows * _STEP
        )
    rest = width % _STEP
    if rest:
        cells[width // _STEP] = total[width - rest :].sum() / np.float32(rows * rest)
    total[:] = 0.0


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _widen(cells: Array, width: int) -> Array:
    """Interpolate cells (m, n) along their rows to (m, width)."""
    height, count = cells.shape
    wide, padded = np.empty((height, width), np.float32), np.empty(count + 2, np.float32)
    for row in range(height):
        for cell in range(count):
            padded[cell + 1] = cells[row, cell]
        padded[0], padded[count + 1] = padded[1], padded[count]
        for column in range(width):
            before = (column + _STEP // 2) // _STEP
            weight = np.float32(((column + _STEP // 2) % _STEP + 0.5) / _STEP)
            wide[row, column] = between(padded[before], padded[before + 1], weight)
    return wide


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def rows_about(row: int, height: int) -> tuple[int, int, np.float32]:
    """Give the rows of cells above and below a row of the frame, and the weight of the latter."""
    above = (row - 2) // _STEP
    return max(above, 0), min(above + 1, height - 1), np.float32(((row + 2) % _STEP + 0.5) / _STEP)


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _squares(image: Pixels, mean: Array, cells: Array) -> None:
    """Give the mean square in each cell of what is left when the local mean (m, w) is taken off."""
    height, width = image.shape
    total = np.zeros(width, np.float32)
    for row in range(height):
        above, below, weight = rows_about(row, len(mean))
        pixels, upper, lower = image[row], mean[above], mean[below]
        for column in range(width):
            value = np.float32(pixels[column]) - between(upper[column], lower[column], weight)
            total[column] += value * value
        if row % _STEP == _STEP - 1 or row == height - 1:
            _finish_cells(total, row % _STEP + 1, cells[row // _STEP])


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _normalise(image: Pixels, mean: Array, scale: Array, out: Array) -> None:
    """Normalise an image (h, w); mean and scale (m, w) stand in the middle of each 4 rows."""
    for row in range(len(image)):
        above, below, weight = rows_about(row, len(mean))
        pixels, upper, lower, over, under = image[row], mean[above], mean[below], scale[above], scale[below]
        line = out[row]
        for column in range(len(line)):
            local = between(upper[column], lower[column], weight)
            line[column] = normalised(np.float32(pixels[column]), local, between(over[column], under[column], weight))


class Conditioned(NamedTuple):
    """A frame at the network's scale, (h, w) in any unit, and what normalises it, (h / 4, w) for every 4 rows."""

    grey: Pixels
    mean: Array
    scale: Array

    def normalised(self) -> Array:
        """Give the normalised frame (h, w): 1 is one local deviation; clipped to -5..5."""
        out = np.empty(self.grey.shape, np.float32)
        _normalise(*self, out)
        return out


class LocalContrast:
    """Local contrast normalisation for images of one shape.

    Parameters
    ----------
    height, width
        Shape of the images in px.
    """

    def __init__(self, height: int, width: int) -> None:
        cells = -(-height // _STEP), -(-width // _STEP)
        ones = np.ones(cells, np.float32)
        self._mean_kernel, self._deviation_kernel = _gaussian(_MEAN_SIGMA_PX), _gaussian(_DEVIATION_SIGMA_PX)
        self._mean_weight = 1.0 / _smooth(ones, self._mean_kernel)
        self._deviation_weight = 1.0 / _smooth(ones, self._deviation_kernel)
        self._width = width
        self._cells = np.zeros(cells, np.float32)
        self._scale = np.zeros((cells[0], width), np.float32)

    def measure(self, image: Pixels) -> Conditioned:
        """Find what normalises `image` (height, width), any positive scale; the result does not depend on its unit."""
        mean = self._mean(image)
        floor = np.float32(_FLOOR) * self._cells.mean() + np.float32(1e-12)
        _squares(image, mean, self._cells)
        deviation = np.sqrt(_smooth(self._cells, self._deviation_kernel) * self._deviation_weight)
        self._scale = _widen(1.0 / (deviation + floor), self._width)
        return Conditioned(image, mean, self._scale)

    def apply(self, image: Array, out: Array) -> None:
        """Normalise `image` (height, width) into `out` of the same shape."""
        _normalise(*self.measure(image), out)

    def apply_alike(self, image: Array, out: Array) -> None:
        """Normalise `image` with its own local mean but the local deviation of the image measured last.

        So the average of frames of one run comes out as the average of their conditioned images.
        """
        _normalise(image, self._mean(image), self._scale, out)

    def _mean(self, image: Pixels) -> Array:
        _means(image, self._cells)
        mean: Array = _widen(_smooth(self._cells, self._mean_kernel) * self._mean_weight, self._width)
        return mean


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
        self._ratio = np.array([self.inner_width / width, self.inner_height / height], np.float32)
        self._contrast = LocalContrast(self.inner_height, self.inner_width)
        self.plane: Pixels = np.empty((height, width), np.float32)
        """The frame itself, in its own unit."""

    def take(self, pixels: Frame) -> None:
        """Take a frame: its pixels are read once, here."""
        # Read several times where it needs no scaling: the fewer bytes the better. Two kinds are few to compile for.
        as_it_is = pixels.dtype == np.uint8 and pixels.shape == (self.inner_height, self.inner_width)
        if (self.plane.dtype == np.uint8) != as_it_is:
            self.plane = np.empty(self.shape, np.uint8) if as_it_is else np.empty(self.shape, np.float32)
        np.copyto(self.plane, pixels)

    def apply(self) -> Conditioned:
        """Give the frame taken, darker denser, as it is conditioned; the next call overwrites it."""
        grey = self.plane
        if grey.shape != (self.inner_height, self.inner_width):
            how = cv2.INTER_AREA if self.scale < 1.0 else cv2.INTER_LINEAR
            grey = cv2.resize(grey, (self.inner_width, self.inner_height), interpolation=how)
        return self._contrast.measure(grey)

    def to_frame(self, points: Array) -> Array:
        """Map positions (n, 2) as (x, y) from the network's image to the frame, px, pixel centres at whole numbers."""
        mapped: Array = (points + _MIDDLE) / self._ratio - _MIDDLE
        return mapped

    def to_network(self, points: Array) -> Array:
        """Map positions (n, 2) as (x, y) from the frame to the network's image, px."""
        mapped: Array = (points + _MIDDLE) * self._ratio - _MIDDLE
        return mapped
