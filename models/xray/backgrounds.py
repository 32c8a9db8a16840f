"""Backgrounds to draw devices on: real angiograms, projections of a CT, and smooth fields without any anatomy."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.engine.errors import SourceError
from heartwire.models.xray.clutter import soften
from heartwire.models.xray.curves import Array, log_uniform, share
from heartwire.models.xray.recorded_devices import Line, lines_of, masks
from heartwire.models.xray.strokes import Mask

_FRAME_PX = 512
_LEAST_EXTENT_PX = 70.0
_WIDEST_PX = 25
_LEAST_LEVEL = np.float32(1e-3)
_TREE_STEPS = 200.0
"""Depths of arteries are kept in 8 bits, in steps of 1/200."""
_SHARES = {"arcade": 0.62, "danilov": 0.13, "projections": 0.25}


@dataclass(frozen=True)
class Background:
    """An image (h, w), the same without its dark lines, where devices may be unmarked (1: say nothing), where they are.

    Where experts marked arteries, also the depth of these alone, in steps of 1/200.
    """

    image: npt.NDArray[np.uint8]
    bare: npt.NDArray[np.uint8]
    unmarked: Mask
    devices: Mask
    tree: npt.NDArray[np.uint8] | None = None


class Drawn(NamedTuple):
    """A background, part of one; the image is `bare * exp(-lines)`."""

    bare: Array
    """(s, s) without its dark lines, in 0..1."""
    lines: Array
    """(s, s), depth of the dark lines: arteries, recorded catheters and whatever else is long and dark."""
    unmarked: Mask
    """(s, s), where devices may be unmarked."""
    devices: Mask
    """(s, s), where recorded catheters are."""
    real: bool
    """Whether it shows real anatomy."""


def _ridges(image: npt.NDArray[np.uint8]) -> Mask:
    """Find long dark lines: the largest Hessian eigenvalue of three scales over its local size."""
    best = np.zeros(image.shape, np.float32)
    for sigma in (1.5, 2.5, 4.0):
        smooth = cv2.GaussianBlur(image.astype(np.float32), (0, 0), sigma)
        xx = cv2.Sobel(smooth, cv2.CV_32F, 2, 0)
        yy = cv2.Sobel(smooth, cv2.CV_32F, 0, 2)
        xy = cv2.Sobel(smooth, cv2.CV_32F, 1, 1)
        top = (xx + yy) / 2 + np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
        np.maximum(best, top * sigma**1.5, out=best)
    best[:8], best[-8:], best[:, :8], best[:, -8:] = best[8], best[-9], best[:, 8:9], best[:, -9:-8]
    best /= cv2.GaussianBlur(best, (0, 0), 40) + 1e-3
    strong = (best > 1.9).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(strong)
    extent = np.hypot(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    keep = (extent > _LEAST_EXTENT_PX) & (np.arange(count) > 0)
    return np.asarray(keep[labels], np.uint8)


def _read(path: Path) -> Mask:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        msg = f"image {path} cannot be read"
        raise SourceError(msg)
    return np.asarray(image, np.uint8)


def _real(path: Path, vessels: Path | None, lines: tuple[Line, ...] | None) -> Background:
    image = _read(path)
    if max(image.shape) > _FRAME_PX:
        image = np.asarray(cv2.resize(image, (_FRAME_PX, _FRAME_PX), interpolation=cv2.INTER_AREA), np.uint8)
    ridges = np.asarray(cv2.dilate(_ridges(image), np.ones((7, 7), np.uint8)), np.uint8)
    # What the experts marked is a vessel, so it is no device.
    marked = np.zeros_like(image) if vessels is None else (_read(vessels) > 0).astype(np.uint8)
    about = np.asarray(cv2.dilate(marked, np.ones((5, 5), np.uint8)), np.uint8)
    bare = _without(image, ridges | about)
    depth = _depth(bare, image)
    if lines is None:
        devices, unmarked, tree = np.zeros_like(image), ridges, about
        unmarked[cv2.erode(marked, np.ones((3, 3), np.uint8)) > 0] = 0
    else:
        devices, unmarked = masks(lines, depth)
        tree = _joined(about, np.where(devices | unmarked, np.uint8(0), ridges))
    depth *= cv2.GaussianBlur(tree.astype(np.float32), (0, 0), 1.0)
    kept = np.clip(depth * _TREE_STEPS, 0, 255).astype(np.uint8) if marked.any() else None
    return Background(image, bare, unmarked, devices, kept)


def _joined(marked: Mask, ridges: Mask) -> Mask:
    """Give marked arteries and the ridges that touch them: branches that the experts left out."""
    _, labels = cv2.connectedComponents(marked | ridges)
    touched = np.unique(labels[marked > 0])
    return np.asarray(np.isin(labels, touched[touched > 0]), np.uint8)


def _depth(bare: npt.NDArray[np.generic], image: npt.NDArray[np.generic]) -> Array:
    """Give the depth of the dark lines by which an image (0..255 or 0..1) differs from the same without them."""
    least = _LEAST_LEVEL * (255 if bare.dtype == np.uint8 else 1)
    ratio = cv2.log(bare.astype(np.float32) + least) - cv2.log(image.astype(np.float32) + least)
    return np.asarray(np.maximum(ratio, 0.0), np.float32)


def _without(image: npt.NDArray[np.uint8], lines: Mask) -> npt.NDArray[np.uint8]:
    """Fill dark lines with what is about them: a closing wider than any artery."""
    closed = cv2.morphologyEx(image, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST_PX,) * 2))
    share = cv2.GaussianBlur(lines.astype(np.float32), (0, 0), 1.5)
    filled = cv2.GaussianBlur(closed, (0, 0), 3.0) * share + image * (1 - share)
    return np.asarray(np.maximum(filled, image), np.uint8)


def _projections(path: Path, count: int) -> list[Background]:
    """Project a CT volume (NIfTI, uint8, HU = 12 v - 1000) along `count` directions about the body's long axis."""
    raw = gzip.decompress(path.read_bytes())
    shape = tuple(int(n) for n in np.frombuffer(raw, "<i2", 8, 40)[1:4])
    spacing_mm = np.frombuffer(raw, "<f4", 8, 76)[1:4]
    begin = int(np.frombuffer(raw, "<f4", 1, 108)[0])
    volume = np.frombuffer(raw, np.uint8, int(np.prod(shape)), begin).reshape(shape, order="F")
    slices = np.ascontiguousarray(volume.transpose(2, 1, 0)[:, ::2, ::2]).astype(np.float32)
    mu = np.clip(slices * 12.0, 0.0, None) / 1000.0 * 0.02
    side = mu.shape[1]
    found = []
    for angle in np.linspace(-100.0, 100.0, count):
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), float(angle), 1.0)
        depth = np.stack([cv2.warpAffine(s, turn, (side, side)).sum(axis=0) for s in mu]) * spacing_mm[0] * 2
        tall = max(2, round(len(mu) * float(spacing_mm[2] / (2 * spacing_mm[0]))))
        flat = cv2.resize(depth[::-1], (side, tall), interpolation=cv2.INTER_CUBIC)
        inner = flat[:, side // 6 : -side // 6]
        image = np.exp(-(inner - inner.min()) * 0.35)
        image = cv2.resize(image / image.max() * 255.0, None, fx=2.6, fy=2.6, interpolation=cv2.INTER_CUBIC)
        grey = np.clip(image, 0, 255).astype(np.uint8)
        found.append(Background(grey, grey, *np.zeros((2, *grey.shape), np.uint8)))
    return found


def _field(rng: np.random.Generator, size: int) -> Array:
    """Give a smooth field (size, size) in 0..1 without anatomy: octaves of slow noise and soft edges."""
    field = np.full((size, size), rng.uniform(0.2, 0.8), np.float32)
    fall = rng.uniform(0.3, 0.65)
    amplitude = rng.uniform(0.03, 0.18)
    for cells in (2, 4, 8, 16, 32):
        grid = rng.standard_normal((cells, cells), np.float32) * amplitude
        field += cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        amplitude *= fall
    for _ in range(rng.integers(0, 3)):
        shape = np.zeros((size, size), np.float32)
        centre = tuple(int(v) for v in rng.uniform(-0.5, 1.5, 2) * size)
        cv2.circle(shape, centre, int(rng.uniform(0.3, 1.2) * size), float(rng.normal(0.0, 0.12)), -1)
        field += soften(shape, log_uniform(rng, 0.7, 12.0))
    return np.clip(field, 0.05, 1.0)


class Backgrounds:
    """Gives random crops of everything under a folder that holds `arcade`, `danilov` and `ct`.

    Parameters
    ----------
    folder
        The recordings' `xray/train`; parts that are absent are left out.
    limit
        How many real images of each kind to read.
    """

    def __init__(self, folder: Path, *, limit: int = 1000) -> None:
        arcade = sorted((folder / "arcade" / "images").glob("*.jpg"))[:limit]
        vessels = folder / "arcade" / "vessel_masks"
        danilov = sorted((folder / "danilov").glob("*.jpg"))[:limit]
        self.arcade = [_real(path, vessels / f"{path.stem}.png", lines_of(path.stem)) for path in arcade]
        self.danilov = [_real(path, None, lines_of(f"danilov/{path.stem}")) for path in danilov]
        ct = folder / "ct" / "chest_u8_12hu.nii.gz"
        self.projections = _projections(ct, min(25, limit)) if ct.is_file() else []

    def _crop(self, rng: np.random.Generator, size: int) -> tuple[Array, Mask, Mask]:
        """Give an image and the same without lines (2, s, s) in 0..1, where devices may be unmarked, where they are."""
        pools = {"arcade": self.arcade, "danilov": self.danilov, "projections": self.projections}
        pool = pools[share(rng, {name: _SHARES[name] for name, images in pools.items() if images})]
        chosen = pool[rng.integers(len(pool))]
        zoom = log_uniform(rng, 0.7, 1.8)
        side = min(size / zoom, *chosen.image.shape)
        x, y = (rng.uniform(0.0, n - side) for n in chosen.image.shape[::-1])
        scale = size / side
        quarter = int(rng.integers(4)) if rng.random() < 0.5 else 0
        into = np.array([[scale, 0.0, -x * scale], [0.0, scale, -y * scale]])
        flip = rng.random() < 0.5

        def cut(image: npt.NDArray[np.uint8], how: int, border: int) -> Mask:
            part = cv2.warpAffine(image, into, (size, size), flags=how, borderMode=border)
            return np.rot90(part[:, ::-1] if flip else part, quarter)

        both = [cut(image, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE) for image in (chosen.image, chosen.bare)]
        marks = [cut(mask, cv2.INTER_NEAREST, cv2.BORDER_CONSTANT) for mask in (chosen.unmarked, chosen.devices)]
        unmarked, devices = (np.ascontiguousarray(mask) for mask in marks)
        return np.stack(both).astype(np.float32) / np.float32(255.0), unmarked, devices

    def draw(self, rng: np.random.Generator, size: int) -> Drawn:
        """Draw a background of a side of `size` px."""
        if rng.random() < 0.3 or not (self.arcade or self.danilov or self.projections):
            nothing = np.zeros((size, size), np.float32)
            unmarked, devices = np.zeros((2, size, size), np.uint8)
            return Drawn(_field(rng, size), nothing, unmarked, devices, real=False)
        both, unmarked, devices = self._crop(rng, size)
        how = rng.random()
        if how < 0.1:
            other, *more = self._crop(rng, size)
            part = np.float32(rng.uniform(0.3, 0.7))
            both = both * part + other * (1 - part)
            unmarked |= devices | more[0] | more[1]
            devices = np.zeros_like(unmarked)
        elif how < 0.25:
            sigma_px = log_uniform(rng, 0.6, 5.0)
            both = np.stack([soften(image, sigma_px) for image in both])
        image, bare = both
        lines = _depth(bare, image)
        return Drawn(image * cv2.exp(lines), lines, unmarked, devices, real=True)

    def tree(self, rng: np.random.Generator, size: int) -> Array | None:
        """Draw the depth (size, size) of a recorded arterial tree, turned, scaled and bent; None where there is none.

        A tree that is met on one background alone would be learned by heart.
        """
        if not self.arcade:
            return None
        chosen = self.arcade[rng.integers(len(self.arcade))].tree
        if chosen is None:
            return None
        zoom = log_uniform(rng, 0.6, 2.2)
        centre = rng.uniform(0.3, 0.7, 2) * chosen.shape
        into = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), float(rng.uniform(0.0, 360.0)), zoom)
        into[:, 2] += rng.uniform(0.3, 0.7, 2) * size - centre
        turned = cv2.warpAffine(chosen, into, (size, size), flags=cv2.INTER_LINEAR)
        if rng.random() < 0.5:
            turned = turned[:, ::-1]
        bend = (rng.standard_normal((4, 4, 2)) * log_uniform(rng, 1.0, 18.0)).astype(np.float32)
        maps = cv2.resize(bend, (size, size), interpolation=cv2.INTER_CUBIC)
        maps += np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(np.float32)
        bent = cv2.remap(np.ascontiguousarray(turned), maps, None, cv2.INTER_LINEAR)
        return np.asarray(bent, np.float32) * np.float32(log_uniform(rng, 0.5, 2.0) / _TREE_STEPS)
