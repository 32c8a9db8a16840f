"""The frames before the current one: where devices and anatomy were, and what a slow average makes of them."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from heartwire.engine.xray.history import TIME_CONSTANT_S
from heartwire.models.xray.curves import Array, log_uniform

AGES = (1, 3, 6, 11)
"""Older frames that are drawn, in frames before the current one; each stands for those nearest to it in the average."""
_MOST_FRAMES = 60


@dataclass(frozen=True)
class History:
    """What came before the current frame.

    Attributes
    ----------
    weights : (1 + len(AGES),)
        Share of the current and the older frames in the average; they add up to 1.
    noise
        Deviation of the average's noise over that of one frame.
    recursion
        Correlation of the noise of neighbouring frames.
    device : (len(AGES), 2)
        Size of the two modes of the devices' movement at the older frames.
    arteries : (len(AGES), 2)
        The same of the arteries, which move with the heart as much as devices do.
    anatomy : (len(AGES), 2)
        How far the anatomy was from its present place, px.
    pan : (len(AGES), 2)
        How far everything on the table was from its present place, px.
    modes, artery_modes : (2, 2, 4, 4)
        The modes of either: displacement x and y in px on a coarse grid over the image.
    """

    weights: Array
    noise: float
    recursion: float
    device: Array
    arteries: Array
    anatomy: Array
    pan: Array
    modes: Array
    artery_modes: Array


def average_weights(frames: int, share_of_new: float) -> Array:
    """Give the weight of frames by age (`frames`,) in an exponential average begun with the oldest of them."""
    age = np.arange(frames)
    weights = share_of_new * (1.0 - share_of_new) ** age
    weights[-1] = (1.0 - share_of_new) ** (frames - 1)
    return weights.astype(np.float32)


def _mode(rng: np.random.Generator, way: float) -> Array:
    """Give a displacement of about 1 px along the angle `way` on a 4 x 4 grid, with some bending and turning."""
    direction = np.array([np.cos(way), np.sin(way)])
    grid = direction[:, None, None] * rng.uniform(0.6, 1.0) + rng.normal(0.0, 0.2, (2, 4, 4))
    turn = rng.normal(0.0, 0.12)
    axis = np.linspace(-1.0, 1.0, 4)
    grid[0] -= turn * axis[:, None] * 4
    grid[1] += turn * axis[None, :] * 4
    return grid.astype(np.float32)


def _modes(rng: np.random.Generator) -> Array:
    way = rng.uniform(0.0, 2 * np.pi)
    return np.stack([_mode(rng, way), _mode(rng, way + rng.normal(0.0, 1.2))])


def _movement(rng: np.random.Generator, older_s: Array) -> Array:
    """Give the size of both modes (n, 2) at times before now: heart beat, and breathing or the operator's hand.

    Each is a sine seen from its present phase.
    """
    moved = np.empty((len(older_s), 2), np.float32)
    for mode, hz, size in (
        (0, rng.uniform(0.8, 2.2), log_uniform(rng, 0.5, 22.0)),
        (1, rng.uniform(0.15, 0.5), log_uniform(rng, 0.5, 30.0)),
    ):
        phase = rng.uniform(0.0, 2 * np.pi)
        moved[:, mode] = size * (np.sin(phase - 2 * np.pi * hz * older_s) - np.sin(phase))
    return moved


def draw_history(rng: np.random.Generator, *, moving: bool) -> History:
    """Draw how things moved at 7.5 to 30 frames a second; `moving` or not, the average may be a young one."""
    rate_hz = (7.5, 10.0, 15.0, 15.0, 25.0, 30.0)[rng.integers(6)]
    new = 1.0 - float(np.exp(-1.0 / (TIME_CONSTANT_S * rate_hz)))
    frames = int(rng.integers(2, 9)) if rng.random() < (0.2 if moving else 0.5) else _MOST_FRAMES
    weights = average_weights(frames, new)
    stands_for = np.abs(np.arange(frames)[:, None] - np.array((0, *AGES))[None, :]).argmin(axis=1)
    recursion = rng.uniform(0.1, 0.6) if rng.random() < 0.3 else 0.0
    noise = float(np.sqrt((weights**2).sum() * (1.0 + recursion) / (1.0 - recursion)))
    older_s = (np.array(AGES) / rate_hz).astype(np.float32)
    modes = _modes(rng)
    device, arteries, anatomy, pan = (np.zeros((len(AGES), 2), np.float32) for _ in range(4))
    artery_modes = modes
    if moving:
        device = _movement(rng, older_s)
        # Devices in arteries move with them, others on their own.
        if rng.random() < 0.5:
            arteries = device * np.float32(rng.uniform(0.4, 1.3))
        else:
            arteries, artery_modes = _movement(rng, older_s), _modes(rng)
        for mode in range(2):
            share = rng.uniform(0.0, 0.5)
            angle = rng.uniform(0.0, 2 * np.pi)
            anatomy += share * device[:, mode, None] * np.array([np.cos(angle), np.sin(angle)], np.float32)
        for moved in (device, arteries):
            np.clip(moved[0], -15.0, 15.0, out=moved[0])
        if rng.random() < 0.12:
            pan += (older_s * log_uniform(rng, 5.0, 80.0))[:, None] * rng.uniform(-1.0, 1.0, 2).astype(np.float32)
    return History(
        np.bincount(stands_for, weights, 1 + len(AGES)).astype(np.float32), min(noise, 1.0), recursion, device,
        arteries, anatomy, pan, modes, artery_modes,
    )  # fmt: skip


@functools.cache
def _grid(size: int) -> Array:
    axis = np.arange(size, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=2)


class Mover:
    """Moves layers of one sample to where they were.

    Parameters
    ----------
    history
        How everything moved.
    size
        Side of the layers in px.
    """

    def __init__(self, history: History, size: int) -> None:
        self._history = history
        self._size = size

    def devices(self, depth: Array, older: int) -> Array:
        """Give the devices' layer (s, s) as it was at `AGES[older]`; what leaves the image is drawn out of its rim."""
        return self._bent(depth, older, self._history.device, self._history.modes)

    def arteries(self, depth: Array, older: int) -> Array:
        """Give the layer of arteries and contrast (s, s) as it was at `AGES[older]`."""
        return self._bent(depth, older, self._history.arteries, self._history.artery_modes)

    def _bent(self, depth: Array, older: int, sizes: Array, modes: Array) -> Array:
        first, second = sizes[older]
        x_and_y = first * modes[0] + second * modes[1]
        x_and_y += self._history.pan[older][:, None, None]
        coarse = np.ascontiguousarray(x_and_y.transpose(1, 2, 0))
        maps = cv2.resize(coarse, (self._size, self._size), interpolation=cv2.INTER_LINEAR)
        cv2.add(maps, _grid(self._size), dst=maps)
        return np.asarray(cv2.remap(depth, maps, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    def anatomy(self, image: Array, older: int) -> Array:
        """Give the anatomy's image (s, s) as it was at `AGES[older]`."""
        x, y = self._history.anatomy[older] + self._history.pan[older]
        back = np.array([[1.0, 0.0, x], [0.0, 1.0, y]])
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(image, back, image.shape[::-1], flags=how, borderMode=cv2.BORDER_REFLECT))
