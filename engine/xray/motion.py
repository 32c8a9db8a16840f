"""Where a tip will be next, and how far off that may be: the best of three forecasts, each judged by what came true.

A forecast says the tip stays (`REST`), goes on ever slower (`DRIFT`), or follows heart and breathing (`RHYTHM`). Each
time the tip is seen, the forecasts of the last second are compared with it, by how far ahead they were; a running mean
of the squares, over the last seconds, says how far off each is for that far ahead. So the bound of a tip out of sight
grows as it has been measured to grow, and the rhythm is used only where it has proved itself.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from itertools import pairwise

import msgspec
import numba
import numpy as np

from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.rhythm import Array, Rhythm, fit

AHEAD_S = (0.05, 0.1, 0.2, 0.35, 0.6, 1.0)
"""Upper ends of the classes of how far ahead a forecast is."""
_CENTRES_S = tuple(0.5 * (low + high) for low, high in pairwise((0.0, *AHEAD_S)))
REST, DRIFT, RHYTHM = range(3)
_KEPT_S = 7.0
_MOST_KEPT = 128
_LEAST_STEP_S = 0.045
"""Places nearer in time than this are not kept for the fit: more of them say no more of a heart beat."""
_VELOCITY_GAIN = 0.4
_DAMPING_S = 0.15
_MOST_SPEED_PX_S = 240.0
_MOST_MOVED_PX = 50.0
"""A forecast goes no faster than real tips do (15 px a frame at 15 a second), nor farther than a heart moves them."""
_MEMORY_S = 2.5
_FIT_EVERY_S = 0.25
_SEARCH_EVERY_S = 1.0
_FIT_FROM_S = 2.5
_SURPRISE_KEPT = 0.5
_OFFSET_FADING_S = 0.6
_MOVES_AHEAD = 2
_MOVES_PX = 1.5
"""A tip that is nearly where it was 0.2 s ago needs no rhythm."""
_PROVED = 0.7
"""The rhythm is used where its mean square is below this share of the next best."""
_PROVED_WEIGHT = 8.0
_PRIOR_WEIGHT = 2.0
_PRIOR_REST_PX = 3.0
_PRIOR_SPEED_PX_S = 80.0
_NO_PATH: Array = np.empty((0, 2))
_BOUND = 3.0
"""The 95 % bound over the root mean square of a forecast's error: 1.73 were its parts normal, more with beats."""


class TipMotion(msgspec.Struct):
    """The path of one tip; px of the frame, times in s from the stream's start."""

    scale: float
    times_s: list[float] = []
    places_px: list[Point] = []
    now_s: float = 0.0
    tip_px: Point = (0.0, 0.0)
    velocity_px_s: Point = (0.0, 0.0)
    states: list[tuple[float, float, float, float, float]] = []
    """Of the last second: time, place, velocity."""
    squares: list[list[float]] = []
    """Sums of squared errors, px^2, of each forecast, for each class of how far ahead."""
    weights: list[list[float]] = []
    rhythm: Rhythm | None = None
    fitted_s: float = -math.inf
    searched_s: float = -math.inf
    surprise_px: float = 0.0
    """How far the places seen last lay from their forecasts; it fades by half with each frame."""

    @classmethod
    def begin(cls, now_s: float, tip_px: Point, scale: float) -> TipMotion:
        """Start at a tip seen for the first time; `scale` is the size of the frame over 512 px."""
        ahead = (0.0, *AHEAD_S)
        prior = [
            _PRIOR_WEIGHT * scale**2 * (_PRIOR_REST_PX**2 + (_PRIOR_SPEED_PX_S * 0.5 * (low + high)) ** 2)
            for low, high in pairwise(ahead)
        ]
        motion = cls(
            scale,
            now_s=now_s,
            tip_px=tip_px,
            squares=[prior.copy() for _ in range(3)],
            weights=[[_PRIOR_WEIGHT] * len(prior) for _ in range(3)],
        )
        motion._keep(now_s, tip_px)
        return motion

    @property
    def speed_px_s(self) -> float:
        """Speed of the tip."""
        return math.hypot(*self.velocity_px_s)

    def take(self, now_s: float, tip_px: Point, gap_s: float) -> None:
        """Take the place where the tip is seen now, later than the last; after a longer gap its speed counts anew."""
        elapsed_s = now_s - self.now_s
        self.surprise_px = max(math.dist(self.forecast(now_s), tip_px), _SURPRISE_KEPT * self.surprise_px)
        self._judge(now_s, tip_px)
        if elapsed_s > gap_s:
            self.velocity_px_s = (0.0, 0.0)
        else:
            (x, y), (u, v), gain = self.tip_px, self.velocity_px_s, _VELOCITY_GAIN
            moved = ((tip_px[0] - x) / elapsed_s, (tip_px[1] - y) / elapsed_s)
            self.velocity_px_s = (u + gain * (moved[0] - u), v + gain * (moved[1] - v))
        self.now_s, self.tip_px = now_s, tip_px
        self._keep(now_s, tip_px)
        due = now_s - self.fitted_s >= _FIT_EVERY_S and now_s - self.times_s[0] >= _FIT_FROM_S
        if due and self._rms_px(REST, _MOVES_AHEAD) > _MOVES_PX * self.scale:
            self._fit(now_s)

    def forecast(self, at_s: float) -> Point:
        """Give where the tip is expected."""
        if at_s <= self.now_s:
            return self.tip_px
        best, ahead_s = self.best(at_s), at_s - self.now_s
        if best == REST:
            return self.tip_px
        if best == DRIFT or self.rhythm is None:
            goes_on_s = _DAMPING_S * (1.0 - math.exp(-ahead_s / _DAMPING_S))
            x, y = self.velocity_px_s[0] * goes_on_s, self.velocity_px_s[1] * goes_on_s
        else:
            # From the rhythm's own place at the last frame, whose distance from the tip fades.
            (u, v), (x, y) = self.rhythm.at(np.array([self.now_s, at_s])).tolist()
            off = math.exp(-ahead_s / _OFFSET_FADING_S) - 1.0
            x, y = x - u + off * (self.tip_px[0] - u), y - v + off * (self.tip_px[1] - v)
        longest_px = self.scale * min(_MOST_SPEED_PX_S * ahead_s, _MOST_MOVED_PX)
        share = min(1.0, longest_px / max(math.hypot(x, y), 1e-9))
        return self.tip_px[0] + share * x, self.tip_px[1] + share * y

    def bound_px(self, at_s: float) -> float:
        """Give the 95 % bound of a forecast's error."""
        best, ahead_s = self.best(at_s), at_s - self.now_s
        # Of times shorter than that between frames nothing is known.
        least = 0.5 * max(self.weights[best])
        first = next(k for k, weight in enumerate(self.weights[best]) if weight >= least)
        here_s, rms_px = -math.inf, 0.0
        for k in range(first, len(AHEAD_S)):
            before_s, before_px = here_s, rms_px
            here_s, rms_px = _CENTRES_S[k], max(rms_px, self._rms_px(best, k))
            if ahead_s <= here_s:
                if k > first:
                    rms_px = before_px + (ahead_s - before_s) / (here_s - before_s) * (rms_px - before_px)
                break
        beyond_s = max(0.0, ahead_s - AHEAD_S[-1])
        return _BOUND * (rms_px + _PRIOR_SPEED_PX_S * self.scale * beyond_s)

    def _rms_px(self, forecast: int, ahead: int) -> float:
        return math.sqrt(self.squares[forecast][ahead] / self.weights[forecast][ahead])

    def best(self, at_s: float) -> int:
        """Say which forecast is the best for that time."""
        k = min(bisect_left(AHEAD_S, at_s - self.now_s), len(AHEAD_S) - 1)
        mean = [self.squares[i][k] / self.weights[i][k] for i in range(3)]
        plain = REST if mean[REST] <= mean[DRIFT] else DRIFT
        proved = self.weights[RHYTHM][k] >= _PROVED_WEIGHT and mean[RHYTHM] < _PROVED * mean[plain]
        return RHYTHM if proved and self.rhythm is not None else plain

    def _judge(self, now_s: float, tip_px: Point) -> None:
        """Compare the forecasts of the last second with what is seen now."""
        self.states = [state for state in self.states if now_s - state[0] <= AHEAD_S[-1]]
        fading = math.exp(-(now_s - self.now_s) / _MEMORY_S)
        for sums in (*self.squares, *self.weights):
            for k in range(len(sums)):
                sums[k] *= fading
        if not self.states:
            return
        states = np.array(self.states)
        beats = self.rhythm is not None
        path = self.rhythm.at(np.append(states[:, 0], now_s)) if self.rhythm is not None else _NO_PATH
        means = _mean_squares(states, path, beats, now_s, tip_px).tolist()
        for i in range(3 if beats else 2):
            for k, mean in enumerate(means[i]):
                if not math.isnan(mean):
                    self.squares[i][k] += mean
                    self.weights[i][k] += 1.0

    def _keep(self, now_s: float, tip_px: Point) -> None:
        self.states.append((now_s, *tip_px, *self.velocity_px_s))
        if self.times_s and now_s - self.times_s[-1] < _LEAST_STEP_S:
            return
        self.times_s.append(now_s)
        self.places_px.append(tip_px)
        first = next(i for i, time_s in enumerate(self.times_s) if now_s - time_s <= _KEPT_S)
        first = max(first, len(self.times_s) - _MOST_KEPT)
        del self.times_s[:first], self.places_px[:first]

    def _fit(self, now_s: float) -> None:
        """Fit the rhythm anew; the heart's rate is looked for everywhere once a second, else near the last one."""
        self.fitted_s = now_s
        near_hz = None
        if self.rhythm is not None and now_s - self.searched_s < _SEARCH_EVERY_S:
            near_hz = self.rhythm.heart_hz
        else:
            self.searched_s = now_s
        self.rhythm = fit(np.array(self.times_s), np.array(self.places_px), near_hz)

    def nearest_px(self, tip_px: Point) -> float:
        """Give how far a place is from where the tip has been in the last seconds."""
        return min(math.dist(place, tip_px) for place in self.places_px)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mean_squares(states: Array, path: Array, beats: bool, now_s: float, tip_px: Point) -> Array:
    """Give how far off each forecast from each state (n, 5) is now: px^2, (3, classes of how far ahead), NaN for none.

    Parameters
    ----------
    path
        Of the rhythm at the states' times and now (n + 1, 2), where it `beats`.
    """
    sums, counts = np.zeros((3, len(AHEAD_S))), np.zeros(len(AHEAD_S))
    for i in range(len(states)):
        ahead_s, k = now_s - states[i, 0], 0
        while k < len(AHEAD_S) - 1 and ahead_s > AHEAD_S[k]:
            k += 1
        counts[k] += 1.0
        goes_on_s = _DAMPING_S * (1.0 - math.exp(-ahead_s / _DAMPING_S))
        off = math.exp(-ahead_s / _OFFSET_FADING_S)
        for axis in range(2):
            rest = states[i, 1 + axis]
            sums[REST, k] += (rest - tip_px[axis]) ** 2
            sums[DRIFT, k] += (rest + goes_on_s * states[i, 3 + axis] - tip_px[axis]) ** 2
            if beats:
                sums[RHYTHM, k] += (path[-1, axis] + off * (rest - path[i, axis]) - tip_px[axis]) ** 2
    for k in range(len(AHEAD_S)):
        sums[:, k] /= counts[k] if counts[k] else math.nan
    return sums
