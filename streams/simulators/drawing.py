"""Drawing thin curves into an attenuation map, in small windows, exactly to the fraction of a pixel."""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]


class Canvas:
    """Scratch space for drawing into maps of one size.

    Parameters
    ----------
    height_px, width_px
        Size of the maps.
    """

    def __init__(self, height_px: int, width_px: int) -> None:
        self._shape = (height_px, width_px)
        self._stamp = np.zeros(self._shape, np.int32)
        self._nearest = np.zeros(self._shape, np.float32)
        self._position = np.zeros(self._shape, np.float32)
        self._touched = np.zeros(height_px * width_px, np.int32)
        self._drawn = 0

    def draw(
        self,
        out: Float32Array,
        points_px: Float32Array,
        half_width_px: Float32Array,
        profiles: Float32Array,
        gains: Float32Array,
        weight: float,
        end_blur_px: float,
    ) -> None:
        """Add a curve to a map.

        Parameters
        ----------
        out : (height, width)
            The map; changed in place.
        points_px : (n, 2)
            The centreline, (x, y); the last point is the blunt distal end.
        half_width_px : (n,)
            Where the profile reaches zero, at each point.
        profiles : (n_profiles, n_steps)
            What is added at distances 0 to `half_width_px`, in even steps.
        gains : (n_profiles, n)
            How much of each profile is present along the curve.
        weight
            Factor of everything drawn.
        end_blur_px
            Standard deviation of the blur at the distal end.
        """
        self._drawn += 1
        if self._drawn == np.iinfo(np.int32).max:
            self._stamp[:] = 0
            self._drawn = 1
        _draw(
            out, self._stamp, self._nearest, self._position, self._touched, self._drawn,
            points_px, half_width_px, profiles, gains, np.float32(weight), np.float32(end_blur_px),
        )  # fmt: skip


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _draw(out, stamp, nearest, position, touched, mark, points, half_width, profiles, gains, weight, end_blur):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = out.shape
    n_segments = len(points) - 1
    n_touched = 0
    for i in range(n_segments):
        ax, ay = points[i, 0], points[i, 1]
        dx, dy = points[i + 1, 0] - ax, points[i + 1, 1] - ay
        length2 = dx * dx + dy * dy
        if length2 < np.float32(1e-8):
            continue
        last = i == n_segments - 1
        reach = max(half_width[i], half_width[i + 1])
        beyond = np.float32(3.0) * end_blur if last else np.float32(0.0)
        pad = reach + beyond
        x0 = max(0, math.floor(min(ax, ax + dx) - pad))
        x1 = min(width - 1, math.ceil(max(ax, ax + dx) + pad))
        y0 = max(0, math.floor(min(ay, ay + dy) - pad))
        y1 = min(height - 1, math.ceil(max(ay, ay + dy) + pad))
        inverse = np.float32(1.0) / length2
        for y in range(y0, y1 + 1):
            py = np.float32(y) - ay
            for x in range(x0, x1 + 1):
                px = np.float32(x) - ax
                along = (px * dx + py * dy) * inverse
                within = min(max(along, np.float32(0.0)), np.float32(1.0))
                ex, ey = px - within * dx, py - within * dy
                distance2 = ex * ex + ey * ey
                if distance2 >= pad * pad:
                    continue
                if not last or along < np.float32(0.0):
                    along = within
                if stamp[y, x] != mark:
                    stamp[y, x] = mark
                    touched[n_touched] = y * width + x
                    n_touched += 1
                    nearest[y, x] = distance2
                    position[y, x] = i + along
                elif distance2 < nearest[y, x]:
                    nearest[y, x] = distance2
                    position[y, x] = i + along
    last_dx = points[n_segments, 0] - points[n_segments - 1, 0]
    last_dy = points[n_segments, 1] - points[n_segments - 1, 1]
    last_length = np.sqrt(last_dx * last_dx + last_dy * last_dy)
    n_profiles, n_steps = profiles.shape
    for j in range(n_touched):
        y, x = touched[j] // width, touched[j] % width
        s = position[y, x]
        i = min(int(s), n_segments - 1)
        f = min(s - np.float32(i), np.float32(1.0))
        half = half_width[i] + f * (half_width[i + 1] - half_width[i])
        remaining = (np.float32(n_segments) - s) * last_length
        across2 = nearest[y, x] - (remaining * remaining if remaining < np.float32(0.0) else np.float32(0.0))
        u = np.sqrt(max(across2, np.float32(0.0))) / half * np.float32(n_steps - 1)
        if u >= n_steps - 1:
            continue
        k = int(u)
        g = u - np.float32(k)
        value = np.float32(0.0)
        for p in range(n_profiles):
            gain = gains[p, i] + f * (gains[p, i + 1] - gains[p, i])
            value += gain * (profiles[p, k] + g * (profiles[p, k + 1] - profiles[p, k]))
        if remaining < np.float32(3.0) * end_blur:
            value *= np.float32(0.5) * np.float32(math.erfc(-remaining / (end_blur * np.float32(1.4142135))))
        out[y, x] += weight * value
