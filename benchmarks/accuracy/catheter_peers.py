"""What others would take: a ridge filter with skeleton and longest path, and the CSRT tracker begun on the true tip.

The ridge filter is scikit-image's multi-scale vesselness (Frangi et al., MICCAI 1998) at 1.5 to 4 px, its settings as
they come. The strongest 2 % of its answers, with those of the strongest 5 % that touch them, are thinned (of five pairs
of shares the one that does best on `xray/dev`); the longest path through the largest piece is the device, its end
further from the border the tip. CSRT (Lukezic et al., CVPR 2017)
is OpenCV's, on a 48-px box around the tip that it is given in the first frame.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy.ndimage import label
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from heartwire.benchmarks.accuracy.catheter_score import Reported
from heartwire.engine.messages import XrayFrame
from heartwire.engine.xray.detection import Point
from heartwire.engine.xray.overlay import displayed

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

RIDGE = "ridge filter"
CSRT = "CSRT"
_SIGMAS_PX = (1.5, 2.5, 4.0)
_STRONG, _WEAK = 0.98, 0.95
_BORDER_PX = 6
_LEAST_POINTS = 30
_BOX_PX = 48.0
_REFERENCE_PX = 512.0


def ridge_installed() -> bool:
    """Whether scikit-image is there."""
    return find_spec("skimage") is not None


def csrt_installed() -> bool:
    """Whether this OpenCV has the tracker."""
    return hasattr(cv2, "TrackerCSRT_create")


def ridge_devices(frame: XrayFrame) -> list[Reported]:
    """Find the one device that the ridge filter sees in a frame; none where nothing is long enough."""
    from skimage.filters import apply_hysteresis_threshold, frangi
    from skimage.morphology import skeletonize

    pixels = frame.pixels.astype(np.float32)
    answer = frangi(pixels / max(1.0, float(pixels.max())), sigmas=_SIGMAS_PX, black_ridges=True)
    answer[:_BORDER_PX] = answer[-_BORDER_PX:] = answer[:, :_BORDER_PX] = answer[:, -_BORDER_PX:] = 0.0
    weak, strong = np.quantile(answer, (_WEAK, _STRONG))
    if strong <= 0.0:
        return []
    path = longest_path(np.asarray(skeletonize(apply_hysteresis_threshold(answer, weak, strong)), np.bool_))
    if len(path) < _LEAST_POINTS:
        return []
    far = np.array(frame.pixels.shape[::-1]) - 1.0
    border = [float(min(end.min(), (far - end).min())) for end in (path[0], path[-1])]
    line = path[::-1] if border[0] > border[1] else path
    return [Reported((float(line[-1, 0]), float(line[-1, 1])), np.ascontiguousarray(line))]


def longest_path(skeleton: Mask) -> Array:
    """Give the longest of the shortest paths through the largest piece of a skeleton, (n, 2) as (x, y)."""
    pieces, count = label(skeleton, np.ones((3, 3)))
    if not count:
        return np.empty((0, 2), np.float32)
    largest = int(np.bincount(pieces.ravel())[1:].argmax()) + 1
    rows, columns = np.nonzero(pieces == largest)
    number = np.full(skeleton.shape, -1)
    number[rows, columns] = np.arange(len(rows))
    begin, end, length = [], [], []
    for row, column in ((0, 1), (1, 0), (1, 1), (1, -1)):
        to = np.stack([rows + row, columns + column])
        inside = (to[0] < skeleton.shape[0]) & (to[1] >= 0) & (to[1] < skeleton.shape[1])
        other = np.full(len(rows), -1)
        other[inside] = number[to[0, inside], to[1, inside]]
        here = np.flatnonzero(other >= 0)
        begin.append(here)
        end.append(other[here])
        length.append(np.full(len(here), np.hypot(row, column)))
    edges = (np.concatenate(length), (np.concatenate(begin), np.concatenate(end)))
    graph = csr_array(edges, shape=(len(rows), len(rows)))
    # Twice the farthest point: exact in a tree, and skeletons are nearly trees.
    first = int(dijkstra(graph, directed=False, indices=0).argmax())
    far, before = dijkstra(graph, directed=False, indices=first, return_predecessors=True)
    at = int(far.argmax())
    path = [at]
    while at != first:
        at = int(before[at])
        path.append(at)
    return np.stack([columns[path], rows[path]], axis=1).astype(np.float32)


class CsrtTip:
    """Follows one tip from a frame in which it is known.

    Parameters
    ----------
    frame
        The first frame.
    tip_px
        The true tip in it.
    """

    def __init__(self, frame: XrayFrame, tip_px: Point) -> None:
        side = round(_BOX_PX * max(frame.pixels.shape) / _REFERENCE_PX)
        height, width = frame.pixels.shape
        # The box must lie inside: a tip near the border is not in its middle.
        left = min(max(0, round(tip_px[0] - side / 2)), width - side)
        top = min(max(0, round(tip_px[1] - side / 2)), height - side)
        self._from_corner = (tip_px[0] - left, tip_px[1] - top)
        self._tracker: Any = cv2.TrackerCSRT_create()  # type: ignore[attr-defined, unused-ignore]
        self._tracker.init(displayed(frame), (left, top, side, side))

    def follow(self, frame: XrayFrame) -> Point | None:
        """Give the tip in the next frame, None where the tracker says that it has lost it."""
        found, (x, y, _, _) = self._tracker.update(displayed(frame))
        return (x + self._from_corner[0], y + self._from_corner[1]) if found else None
