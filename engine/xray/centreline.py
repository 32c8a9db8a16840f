"""From the body map to device centrelines: thinned, linked over crossings and gaps, smooth, evenly spaced.

All positions are (x, y) px of the network's image.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from heartwire.engine.xray.device_map import CELL_PX, Array
from heartwire.engine.xray.thinning import lines, thin

Places: TypeAlias = npt.NDArray[np.int64]
"""Indices."""

SPACING_PX = 5.0
_SHORTEST_PIECE_CELLS = 4
_MOST_PIECES = 48
_HEADING_CELLS = 7
_CROSSING_PX = 12.0
_CROSSING_COS = math.cos(math.radians(55.0))
_GAP_PX = 40.0
_GAP_COS = math.cos(math.radians(28.0))
_TURN_COST_PX = 25.0
_TANGENT_POINTS = 4
_ACROSS_PX = 1.0
_ACROSS_STEPS = 5


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _ends(points: Array, first: Places, last: Places) -> tuple[Array, Array]:
    """Give each piece's two ends (2 n, 2) and the directions in which they point outwards (2 n, 2)."""
    places, ways = np.empty((2 * len(first), 2), np.float32), np.empty((2 * len(first), 2), np.float32)
    for i in range(len(first)):
        inner = min(_HEADING_CELLS, last[i] - first[i])
        for end, at, within in ((2 * i, first[i], first[i] + inner), (2 * i + 1, last[i], last[i] - inner)):
            x, y = points[at, 0] - points[within, 0], points[at, 1] - points[within, 1]
            size = np.float32(math.hypot(x, y)) + np.float32(1e-6)
            places[end], ways[end] = points[at], (x / size, y / size)
    return places, ways


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _links(places: Array, ways: Array) -> Places:
    """Pair ends that continue each other, the straightest and nearest first; an end is used once, no rings.

    Gives the partner of each end, -1 where it has none.
    """
    n = len(places)
    pairs, costs, found = np.empty((n * n // 2, 2), np.int64), np.empty(n * n // 2), 0
    for a in range(n):
        for b in range(a - a % 2 + 2, n):
            x, y = places[b, 0] - places[a, 0], places[b, 1] - places[a, 1]
            distance = math.hypot(x, y)
            facing = -(ways[a, 0] * ways[b, 0] + ways[a, 1] * ways[b, 1])
            ahead = min(x * ways[a, 0] + y * ways[a, 1], -x * ways[b, 0] - y * ways[b, 1]) / (distance + 1e-6)
            crosses = distance <= _CROSSING_PX and facing >= _CROSSING_COS
            if crosses or (distance <= _GAP_PX and min(facing, ahead) >= _GAP_COS):
                pairs[found] = a, b
                costs[found] = distance + _TURN_COST_PX * (1.0 - facing)
                found += 1
    group, partner = np.arange(n // 2), np.full(n, -1)
    for k in np.argsort(costs[:found], kind="mergesort"):
        a, b = pairs[k]
        if partner[a] < 0 and partner[b] < 0 and group[a // 2] != group[b // 2]:
            partner[a], partner[b] = b, a
            old, new = group[b // 2], group[a // 2]
            for i in range(len(group)):
                group[i] = new if group[i] == old else group[i]
    return partner


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _join(points: Array, first: Places, last: Places) -> tuple[Array, Places]:
    """Join the pieces between a first and a last point that continue each other.

    Gives the points of all lines (n, 2) and where each begins, and the end of the last (n_lines + 1,).
    """
    partner = _links(*_ends(points, first, last))
    joined, starts = np.empty_like(points), np.zeros(len(first) + 1, np.int64)
    waiting = np.ones(len(first), np.bool_)
    n, n_lines = 0, 0
    for end in range(len(partner)):
        if partner[end] >= 0 or not waiting[end // 2]:
            continue
        at = end
        while at >= 0:
            i = at // 2
            waiting[i] = False
            for k in range(last[i] - first[i] + 1):
                joined[n] = points[first[i] + k if at % 2 == 0 else last[i] - k]
                n += 1
            at = partner[at ^ 1]
        n_lines += 1
        starts[n_lines] = n
    return joined[:n], starts[: n_lines + 1]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def length_px(line: Array) -> float:
    """Sum up the steps of a line (n, 2)."""
    total = 0.0
    for i in range(1, len(line)):
        total += math.hypot(line[i, 0] - line[i - 1, 0], line[i, 1] - line[i - 1, 1])
    return total


def find_lines(body: Array, *, threshold: float) -> list[Array]:
    """Find the lines of a body map (h, w) of probabilities; each (n, 2) px, unsmoothed, in no particular direction."""
    cells, starts = lines(*thin(body >= threshold))
    long = np.diff(starts)
    pieces = np.argsort(-long, kind="stable")[:_MOST_PIECES]
    pieces = pieces[long[pieces] >= _SHORTEST_PIECE_CELLS]
    points = cells * np.float32(CELL_PX) + np.float32((CELL_PX - 1) / 2)
    joined, starts = _join(points, starts[pieces], starts[pieces + 1] - 1)
    return [joined[a:b] for a, b in pairwise(starts.tolist())]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _evenly(line: Array, spacing_px: float, least: int) -> Array:
    """Give points about `spacing_px` apart along a line (n, 2), at least `least`, the first and last its ends."""
    along = np.zeros(len(line))
    for i in range(1, len(line)):
        along[i] = along[i - 1] + math.hypot(line[i, 0] - line[i - 1, 0], line[i, 1] - line[i - 1, 1])
    places = np.linspace(0.0, along[-1], max(least, round(along[-1] / spacing_px) + 1))
    even = np.empty((len(places), 2), np.float32)
    even[:, 0] = np.interp(places, along, line[:, 0])
    even[:, 1] = np.interp(places, along, line[:, 1])
    return even


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def centred(line: Array, body: Array) -> Array:
    """Move the points of a line (n, 2) across it to the middle of the body (h, w) that it runs along.

    A skeleton lies on whole cells; the body's probabilities say where between them the middle is.
    """
    height, width = body.shape
    last = len(line) - 1
    moved = line.copy()
    for i in range(len(line)):
        ahead, behind = min(i + _TANGENT_POINTS, last), max(i - _TANGENT_POINTS, 0)
        dx, dy = line[ahead, 0] - line[behind, 0], line[ahead, 1] - line[behind, 1]
        size = math.hypot(dx, dy)
        if size < 1e-6:
            continue
        across_x, across_y = -dy / size, dx / size
        total, moment = 0.0, 0.0
        for k in range(-_ACROSS_STEPS, _ACROSS_STEPS + 1):
            step = k * _ACROSS_PX
            x = (line[i, 0] + step * across_x - (CELL_PX - 1) / 2) / CELL_PX
            y = (line[i, 1] + step * across_y - (CELL_PX - 1) / 2) / CELL_PX
            column, row = math.floor(x), math.floor(y)
            if column < 0 or row < 0 or column >= width - 1 or row >= height - 1:
                continue
            u, v = x - column, y - row
            value = (1.0 - v) * ((1.0 - u) * body[row, column] + u * body[row, column + 1]) + v * (
                (1.0 - u) * body[row + 1, column] + u * body[row + 1, column + 1]
            )
            total += value
            moment += value * step
        if total > 1e-3:
            shift = moment / total
            moved[i, 0] += np.float32(shift * across_x)
            moved[i, 1] += np.float32(shift * across_y)
    return moved


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def smooth(line: Array, spacing_px: float = SPACING_PX) -> Array:
    """Smooth a line (n, 2) over about a spacing and give points evenly spaced along it, both ends kept."""
    if length_px(line) < 1e-3:
        return line[:1].copy()
    dense = _evenly(line, 1.0, 3)
    last = len(dense) - 1
    reach = min(int(spacing_px), last // 2)
    weights = 1.0 + np.cos(math.pi * np.arange(-reach, reach + 1) / (reach + 1))
    weights /= weights.sum()
    smoothed = np.zeros((len(dense), 2))
    for i in range(len(dense)):
        for k in range(-reach, reach + 1):
            for axis in range(2):
                # Mirrored about its end points, the line keeps them where they are.
                if i + k < 0:
                    value = 2.0 * dense[0, axis] - dense[-i - k, axis]
                elif i + k > last:
                    value = 2.0 * dense[last, axis] - dense[2 * last - i - k, axis]
                else:
                    value = dense[i + k, axis]
                smoothed[i, axis] += weights[reach + k] * value
    even: Array = _evenly(smoothed.astype(np.float32), spacing_px, 2)
    return even
