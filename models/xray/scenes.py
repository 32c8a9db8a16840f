"""One training sample: a background, devices drawn on it, clutter, an imaging chain, and the truth for the network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from heartwire.engine.xray.conditioning import LocalContrast
from heartwire.models.xray.backgrounds import Backgrounds
from heartwire.models.xray.clutter import draw_clutter
from heartwire.models.xray.curves import Array, log_uniform
from heartwire.models.xray.devices import draw_devices
from heartwire.models.xray.looks import encode, field_of_view, process
from heartwire.models.xray.strokes import Mask

CROP_PX = 256
OFFSET_SCALE_PX = 8.0
_HEAT_SIGMA_CELLS = 1.7
_OFFSET_REACH_CELLS = 4.0


@dataclass
class Sample:
    """A conditioned image (1, s, s) and its truth at half resolution (7, s / 2, s / 2).

    The truth's planes: catheter, guidewire, tip of each (heat), offset x and y in units of 8 px (NaN where no tip is
    near), and the weight (0: say nothing about devices here).
    """

    image: Array
    truth: Array


def truth_planes(bodies: tuple[Mask, Mask], tips: list[tuple[int, float, float]], unmarked: Mask) -> Array:
    """Make the network's truth from full-resolution masks (s, s) and tips (class, x, y) in px."""
    size = unmarked.shape[0]
    half = size // 2
    planes = np.zeros((7, half, half), np.float32)
    for i, body in enumerate(bodies):
        planes[i] = cv2.resize(body.astype(np.float32), (half, half), interpolation=cv2.INTER_AREA)
    centres = np.arange(half, dtype=np.float32) * 2 + 0.5
    planes[4:6] = np.nan
    nearest = np.full((half, half), np.inf, np.float32)
    for kind, x, y in tips:
        dx, dy = (x - centres)[None, :], (y - centres)[:, None]
        cells = (dx**2 + dy**2) / 4.0
        np.maximum(planes[2 + kind], np.exp(-cells / (2 * _HEAT_SIGMA_CELLS**2)), out=planes[2 + kind])
        near = (cells < _OFFSET_REACH_CELLS**2) & (cells < nearest)
        nearest[near] = cells[near]
        planes[4][near] = np.broadcast_to(dx, near.shape)[near] / OFFSET_SCALE_PX
        planes[5][near] = np.broadcast_to(dy, near.shape)[near] / OFFSET_SCALE_PX
    known = 1.0 - cv2.resize(unmarked.astype(np.float32), (half, half), interpolation=cv2.INTER_AREA)
    drawn = np.maximum(planes[0], planes[1])
    planes[6] = np.maximum((known > 0.99).astype(np.float32), (drawn > 0.05).astype(np.float32))
    planes[6] = np.maximum(planes[6], (nearest < _OFFSET_REACH_CELLS**2).astype(np.float32))
    return planes


class Scenes:
    """Draws samples.

    Parameters
    ----------
    folder
        The recordings' `xray/train`.
    size
        Side of the crops in px.
    limit
        How many real images of each kind to read.
    """

    def __init__(self, folder: Path, *, size: int = CROP_PX, limit: int = 1000) -> None:
        self.size = size
        self.backgrounds = Backgrounds(folder, limit=limit)
        self._contrast = LocalContrast(size, size)

    def raw(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draw an image (s, s) in 0..255 and its truth (7, s / 2, s / 2)."""
        size = self.size
        image, unmarked, real = self.backgrounds.draw(rng, size)
        canvas = draw_devices(rng, size)
        around = np.zeros_like(canvas.depth)
        draw_clutter(rng, around, canvas.tips, 0.4 if real else 1.0)
        # Devices are about as sharp as the chain lets them be, and some move while the pulse lasts.
        depth = cv2.GaussianBlur(canvas.depth, (0, 0), rng.uniform(0.35, 1.1))
        if rng.random() < 0.12:
            reach = int(rng.integers(2, 6))
            kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
            angle = rng.uniform(0, np.pi)
            way = round(reach * float(np.cos(angle))), round(reach * float(np.sin(angle)))
            cv2.line(
                kernel, (reach - way[0] // 2, reach - way[1] // 2), (reach + way[0] // 2, reach + way[1] // 2), 1.0
            )
            depth = cv2.filter2D(depth, -1, kernel / kernel.sum())
        image = image * np.exp(-depth - around)
        level = float(image.mean())
        most = max(0.4, 255.0 * level * canvas.weakest * 0.9)
        noise = min(log_uniform(rng, 0.4, 14.0), most) / 255.0 * min(1.0, level / 0.4)
        grey = process(rng, image, noise)
        view = field_of_view(rng, size)
        if view is not None:
            soft, hard = view
            grey = grey * soft + rng.uniform(0.0, 60.0) * (1.0 - soft)
            for body in canvas.bodies:
                body[hard == 0] = 0
            canvas.tips = [tip for tip in canvas.tips if hard[int(tip[2] + 0.5), int(tip[1] + 0.5)]]
            unmarked = unmarked & hard
        return encode(rng, grey), truth_planes(canvas.bodies, canvas.tips, unmarked)

    def draw(self, rng: np.random.Generator) -> Sample:
        """Draw one sample."""
        grey, truth = self.raw(rng)
        image = np.empty((self.size, self.size), np.float32)
        self._contrast.apply(grey, image)
        return Sample(image[None], truth)
