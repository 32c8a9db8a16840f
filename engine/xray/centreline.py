"""From the body map to device centrelines: thinned, linked over crossings and gaps, smooth, evenly spaced.

All positions are (x, y) px of the network's image.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numba
import numpy as np

from heartwire.engine.xray.device_map import CELL_PX, Array
from heartwire.engine.xray.thinning import lines, thin

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


def _ends(pieces: list[Array]) -> tuple[Array, Array]:
    """Give each piece's two ends (2 n, 2) and the directions in which they point outwards (2 n, 2)."""
    places = np.empty((2 * len(pieces), 2), np.float32)
    ways = np.empty_like(places)
    for i, piece in enumerate(pieces):
        inner = min(_HEADING_CELLS, len(piece) - 1)
        places[2 * i], places[2 * i + 1] = piece[0], piece[-1]
        ways[2 * i], ways[2 * i + 1] = piece[0] - piece[inner], piece[-1] - piece[-1 - inner]
    ways /= np.linalg.norm(ways, axis=1, keepdims=True) + 1e-6
    return places, ways


def _links(pieces: list[Array]) -> dict[int, int]:
    """Pair ends that continue each other, the straightest and nearest first; an end is used once, no rings."""
    places, ways = _ends(pieces)
    gap = places[None, :] - places[:, None]
    distance = np.linalg.norm(gap, axis=2)
    facing = -(ways @ ways.T)
    ahead = np.einsum("abk,ak->ab", gap, ways) / (distance + 1e-6)
    ahead = np.minimum(ahead, ahead.T)
    crossing = (distance <= _CROSSING_PX) & (facing >= _CROSSING_COS)
    bridge = (distance <= _GAP_PX) & (facing >= _GAP_COS) & (ahead >= _GAP_COS)
    piece_of = np.arange(len(places)) // 2
    allowed = (crossing | bridge) & (piece_of[:, None] < piece_of[None, :])
    first, second = np.nonzero(allowed)
    cost = distance[first, second] + _TURN_COST_PX * (1.0 - facing[first, second])
    group = list(range(len(pieces)))
    partner: dict[int, int] = {}
    for k in np.argsort(cost, kind="stable"):
        a, b = int(first[k]), int(second[k])
        if a in partner or b in partner or group[a // 2] == group[b // 2]:
            continue
        partner[a], partner[b] = b, a
        old, new = group[b // 2], group[a // 2]
        group = [new if g == old else g for g in group]
    return partner


def _join(pieces: list[Array]) -> list[Array]:
    """Join linked pieces to whole lines."""
    partner = _links(pieces)
    waiting = set(range(len(pieces)))
    joined = []
    for end in range(2 * len(pieces)):
        if end in partner or end // 2 not in waiting:
            continue
        parts = []
        at: int | None = end
        while at is not None:
            piece = pieces[at // 2]
            waiting.discard(at // 2)
            parts.append(piece if at % 2 == 0 else piece[::-1])
            at = partner.get(at ^ 1)
        joined.append(np.concatenate(parts))
    return joined


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def length_px(line: Array) -> float:
    """Sum up the steps of a line (n, 2)."""
    total = 0.0
    for i in range(1, len(line)):
        total += math.hypot(line[i, 0] - line[i - 1, 0], line[i, 1] - line[i - 1, 1])
    return total


def find_lines(body: Array, *, threshold: float) -> list[Array]:
    """Find the lines of a body map (h, w) of probabilities; each (n, 2) px, unsmoothed, in no particular direction."""
    points, starts = lines(thin((body >= threshold).astype(np.uint8)))
    pieces = [
        points[a:b] * CELL_PX + np.float32((CELL_PX - 1) / 2)
        for a, b in pairwise(starts)
        if b - a >= _SHORTEST_PIECE_CELLS
    ]
    if not pieces:
        return []
    pieces.sort(key=len, reverse=True)
    return _join(pieces[:_MOST_PIECES])


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
    smoothed = np.zeros((len(dense), 2))
    for i in range(len(dense)):
        total = 0.0
        for k in range(-reach, reach + 1):
            weight = 1.0 + math.cos(math.pi * k / (reach + 1))
            total += weight
            for axis in range(2):
                # Mirrored about its end points, the line keeps them where they are.
                if i + k < 0:
                    value = 2.0 * dense[0, axis] - dense[-i - k, axis]
                elif i + k > last:
                    value = 2.0 * dense[last, axis] - dense[2 * last - i - k, axis]
                else:
                    value = dense[i + k, axis]
                smoothed[i, axis] += weight * value
        smoothed[i] /= total
    even: Array = _evenly(smoothed.astype(np.float32), spacing_px, 2)
    return even
