"""Training samples cut from the fluoroscopy simulator's frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.engine.xray.conditioning import LocalContrast
from heartwire.models.xray.curves import STEP_PX, log_uniform
from heartwire.models.xray.devices import CATHETER, GUIDEWIRE, LEAST_HALF_PX
from heartwire.models.xray.looks import encode
from heartwire.models.xray.scenes import CROP_PX, Sample, truth_planes
from heartwire.models.xray.strokes import Mask, stroke
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, DeviceTruth, Fluoroscopy

_FRAME_PX = 512
_RUN_FRAMES = 120
_LEAST_OPACITY = 0.3


@dataclass(frozen=True)
class _Frame:
    pixels: npt.NDArray[np.uint8]
    bodies: npt.NDArray[np.uint8]
    """Bit 0: catheter, bit 1: guidewire."""
    tips: list[tuple[int, float, float]]


def _mark(device: DeviceTruth, bodies: tuple[Mask, Mask]) -> None:
    """Mark where a device can be seen in the mask of its class."""
    points = np.asarray(device.centreline_px, np.float64)
    if len(points) < 5:
        return
    along = np.concatenate(([0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))))
    fine = np.arange(0.0, along[-1], STEP_PX)
    if len(fine) < 5:
        return
    curve = np.stack([np.interp(fine, along, points[:, k]) for k in range(2)], axis=1).astype(np.float32)
    opacity = np.interp(fine, along, device.opacity).astype(np.float32)
    half = np.full(len(curve), device.width_px / 2, np.float32)
    seen = np.where(opacity > _LEAST_OPACITY, opacity, np.float32(0.0))
    scrap = np.zeros(bodies[0].shape, np.float32)
    stroke(scrap, bodies[_class(device)], curve, half, seen, 0.0, 0.0, LEAST_HALF_PX, True)


def _class(device: DeviceTruth) -> int:
    return GUIDEWIRE if device.class_ == "guidewire" else CATHETER


class SimulatedScenes:
    """Keeps frames of many simulated runs and cuts samples from them.

    Parameters
    ----------
    seeds
        Runs to simulate, all below the simulator's first test seed.
    frames
        Frames of each run.
    size
        Side of the samples in px.
    """

    def __init__(self, seeds: Iterable[int], *, frames: int = 4, size: int = CROP_PX) -> None:
        self.size = size
        self._contrast = LocalContrast(size, size)
        self._frames = [frame for seed in seeds for frame in self._simulate(seed, frames)]

    @staticmethod
    def _simulate(seed: int, count: int) -> Iterable[_Frame]:
        if seed >= FIRST_TEST_SEED:
            msg = f"simulator seed {seed} is kept for tests: train on seeds below {FIRST_TEST_SEED}"
            raise ValueError(msg)
        run = Fluoroscopy(seed, size_px=_FRAME_PX)
        rng = np.random.default_rng((seed, 7))
        for number in rng.choice(_RUN_FRAMES, count, replace=False):
            pixels, truth = run.frame(int(number))
            bodies = (np.zeros(pixels.shape, np.uint8), np.zeros(pixels.shape, np.uint8))
            for device in truth.devices:
                _mark(device, bodies)
            tips = [(_class(device), *device.tip_px) for device in truth.devices if device.visible]
            marks = np.asarray(bodies[0] | (bodies[1] << 1), np.uint8)
            yield _Frame(pixels.astype(np.uint8), marks, tips)

    def draw(self, rng: np.random.Generator) -> Sample:
        """Cut one sample: a random place, zoom and mirror image, at times coded once more."""
        frame = self._frames[rng.integers(len(self._frames))]
        size = self.size
        scale = log_uniform(rng, 0.75, 1.35)
        side = min(size / scale, _FRAME_PX)
        scale = size / side
        if frame.tips and rng.random() < 0.4:
            # Whole frames are mostly empty: look at tips more often than chance would.
            _, x, y = frame.tips[rng.integers(len(frame.tips))]
            corner = np.array((x, y)) - rng.uniform(0.1, 0.9, 2) * side
        else:
            corner = rng.uniform(0.0, _FRAME_PX - side, 2)
        corner = corner.clip(0.0, _FRAME_PX - side)
        into = np.array([[scale, 0.0, (0.5 - corner[0]) * scale - 0.5], [0.0, scale, (0.5 - corner[1]) * scale - 0.5]])
        if rng.random() < 0.5:
            into = np.array([[-1.0, 0.0, size - 1.0], [0.0, 1.0, 0.0]]) @ np.vstack([into, [0.0, 0.0, 1.0]])
        if rng.random() < 0.3:
            into = into[::-1]
        image = cv2.warpAffine(frame.pixels.astype(np.float32), into, (size, size), borderMode=cv2.BORDER_REPLICATE)
        bodies = cv2.warpAffine(frame.bodies, into, (size, size), flags=cv2.INTER_NEAREST)
        tips = []
        for kind, x, y in frame.tips:
            moved_x, moved_y = into @ np.array([x, y, 1.0])
            if 1.0 <= moved_x <= size - 2.0 and 1.0 <= moved_y <= size - 2.0:
                tips.append((kind, float(moved_x), float(moved_y)))
        grey = encode(rng, image) if rng.random() < 0.5 else image
        conditioned = np.empty((size, size), np.float32)
        self._contrast.apply(grey, conditioned)
        masks = (bodies & 1, bodies >> 1)
        return Sample(conditioned[None], truth_planes(masks, tips, np.zeros((size, size), np.uint8)))
