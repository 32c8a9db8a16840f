"""Times of the frames of a run where they do not come at one rate: screen recorders, pulse rates that change."""

from __future__ import annotations

_OFF = 0.5
"""Stamps are rounded, and some containers have none that are right: only steps so far from regular are believed."""
_LONGEST_S = 10.0


class FrameStamps:
    """Time of each frame after the first, regular as long as its stamps allow it.

    Parameters
    ----------
    rate_hz
        Frames a second, in the mean.
    """

    def __init__(self, rate_hz: float) -> None:
        self._mean_hz = rate_hz
        self._stamp_s: float | None = None
        self._at_s = 0.0

    def next(self, stamp_s: float) -> tuple[float, float]:
        """Take the stamp of the next frame; give its time and the rate of the step to it, s and frames a second."""
        if self._stamp_s is None:
            self._stamp_s = stamp_s
            return 0.0, self._mean_hz
        step_s, self._stamp_s = stamp_s - self._stamp_s, stamp_s
        regular_s = 1.0 / self._mean_hz
        if abs(step_s - regular_s) <= _OFF * regular_s or not 1e-3 <= step_s <= _LONGEST_S:
            step_s = regular_s
        self._at_s += step_s
        return self._at_s, 1.0 / step_s if step_s != regular_s else self._mean_hz
