"""Training samples cut from the fluoroscopy simulator's runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np

from heartwire.engine.xray.conditioning import LocalContrast
from heartwire.engine.xray.history import TIME_CONSTANT_S
from heartwire.models.xray.curves import STEP_PX, Array, log_uniform
from heartwire.models.xray.devices import CATHETER, GUIDEWIRE, LEAST_HALF_PX
from heartwire.models.xray.looks import Look, recode
from heartwire.models.xray.scenes import CROP_PX, Sample, condition
from heartwire.models.xray.strokes import Mask, stroke
from heartwire.models.xray.truth import truth_planes
from heartwire.streams.simulators.fluoroscopy import FIRST_TEST_SEED, Fluoroscopy
from heartwire.streams.simulators.truth import DeviceTruth

_FRAME_PX = 512
_RUN_FRAMES = 120
_LEAST_OPACITY = 0.3
_KEPT = 64
_AVERAGED_AGES = (3, 6, 11)
_DOUBTFUL_TIP_PX = 9
_SEVERAL = 4
_SHORT_RUN = 0.15
_LOOK = "simulator"


@dataclass
class _Moment:
    """Current frame, previous frame and average (3, h, w), and what is to be seen in the current one."""

    frames: Array
    bodies: Mask
    """Bit 0: catheter, bit 1: guidewire, bit 2: doubtful."""
    tips: list[tuple[int, float, float]] = field(default_factory=list)
    electrodes: list[tuple[float, float]] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


def _class(device: DeviceTruth) -> int:
    return GUIDEWIRE if device.class_ == "guidewire" else CATHETER


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
    stroke(scrap, bodies[_class(device)], curve, half, seen, 0.0, 0.0, LEAST_HALF_PX, True, False, False)


def _moment(run: Fluoroscopy, number: int) -> _Moment:
    """Take a frame of a run with what came before it; the average comes from a few of the frames before."""
    pixels, truth = run.frame(number)
    now = pixels.astype(np.float32)
    frames = np.stack([now] * 3)
    if number:
        frames[1] = run.frame(number - 1)[0]
        keep = float(np.exp(-1.0 / (TIME_CONSTANT_S * run.rate_hz)))
        ages = np.array([0, 1, *(age for age in _AVERAGED_AGES if age <= number)])
        edges = np.concatenate(([0.0], 0.5 * (ages[1:] + ages[:-1] + 1), [np.inf]))
        weights = (keep ** edges[:-1] - keep ** edges[1:]).astype(np.float32)
        frames[2] = weights[0] * now + weights[1] * frames[1]
        for age, weight in zip(ages[2:], weights[2:], strict=True):
            frames[2] += weight * run.frame(number - int(age))[0]
    masks = np.zeros((3, *pixels.shape), np.uint8)
    bodies = (masks[0], masks[1])
    moment = _Moment(frames, masks[2])
    for device in truth.devices:
        _mark(device, bodies)
        moment.kinds.add({"guidewire": "wire"}.get(device.class_, device.class_))
        x, y = device.tip_px
        if device.visible:
            moment.tips.append((_class(device), x, y))
        elif device.hidden_by != "field":
            cv2.circle(masks[2], (round(x), round(y)), _DOUBTFUL_TIP_PX, 1, -1)
        moment.electrodes += [(float(x), float(y)) for x, y in device.electrodes_px]
    for body in bodies:
        body[masks[2] > 0] = 0
    moment.bodies = np.asarray(bodies[0] | (bodies[1] << 1) | (masks[2] << 2), np.uint8)
    return moment


class SimulatedScenes:
    """Simulates runs as it goes, keeps moments of them for a while and cuts samples from these.

    What a sample is depends on the generator and on the samples drawn before.

    Parameters
    ----------
    seeds
        Runs to simulate, all below the simulator's first test seed.
    reuse
        How many samples are cut from a moment on average; more are cheaper and less various.
    size
        Side of the samples in px.

    Raises
    ------
    ValueError
        If a seed is kept for tests.
    """

    def __init__(self, seeds: Iterable[int], *, reuse: int = 16, size: int = CROP_PX) -> None:
        self.seeds = list(seeds)
        for seed in self.seeds:
            if seed >= FIRST_TEST_SEED:
                msg = f"simulator seed {seed} is kept for tests: train on seeds below {FIRST_TEST_SEED}"
                raise ValueError(msg)
        self.size = size
        self.reuse = reuse
        self._contrast = LocalContrast(size, size)
        self._kept: list[_Moment] = []

    def _simulate(self, rng: np.random.Generator) -> None:
        """Simulate a few moments of one run: making a run costs as much as several frames."""
        run = Fluoroscopy(self.seeds[rng.integers(len(self.seeds))], size_px=_FRAME_PX)
        for _ in range(_SEVERAL):
            number = int(rng.integers(0, 8) if rng.random() < _SHORT_RUN else rng.integers(0, _RUN_FRAMES))
            moment = _moment(run, number)
            if len(self._kept) < _KEPT:
                self._kept.append(moment)
            else:
                self._kept[rng.integers(_KEPT)] = moment

    def draw(self, rng: np.random.Generator) -> Sample:
        """Cut one sample: a random place, zoom and mirror image, at times coded once more."""
        if not self._kept or rng.random() < 1.0 / (self.reuse * _SEVERAL):
            self._simulate(rng)
        moment = self._kept[rng.integers(len(self._kept))]
        size = self.size
        into = self._place(rng, moment)
        still = rng.random() < 0.3
        coding = int(rng.integers(35, 96)) if rng.random() < 0.25 else 0
        grey = np.empty((3, size, size), np.float32)
        for i in range(1 if still else 3):
            grey[i] = cv2.warpAffine(moment.frames[i], into, (size, size), borderMode=cv2.BORDER_REPLICATE)
            if coding and i < 2:
                grey[i] = recode(grey[i].astype(np.uint8), coding)
        if still:
            grey[1:] = grey[0]
        bodies = cv2.warpAffine(moment.bodies, into, (size, size), flags=cv2.INTER_NEAREST)
        tips, electrodes = [], []
        for kind, x, y in moment.tips + [(-1, *place) for place in moment.electrodes]:
            moved_x, moved_y = into @ np.array([x, y, 1.0])
            if 1.0 <= moved_x <= size - 2.0 and 1.0 <= moved_y <= size - 2.0:
                if kind < 0:
                    electrodes.append((float(moved_x), float(moved_y)))
                else:
                    tips.append((kind, float(moved_x), float(moved_y)))
        masks = (bodies & 1, (bodies >> 1) & 1)
        truth = truth_planes(masks, tips, electrodes, bodies >> 2)
        look = Look("coded" if coding else _LOOK, _LOOK, frozenset(moment.kinds))
        return Sample(condition(self._contrast, grey), truth, look)

    def _place(self, rng: np.random.Generator, moment: _Moment) -> Array:
        """Draw where to cut: the affine map (2, 3) from the frame to the sample."""
        size = self.size
        side = min(size / log_uniform(rng, 0.75, 1.35), _FRAME_PX)
        scale = size / side
        if moment.tips and rng.random() < 0.4:
            # Whole frames are mostly empty: look at tips more often than chance would.
            _, x, y = moment.tips[rng.integers(len(moment.tips))]
            corner = np.array((x, y)) - rng.uniform(0.1, 0.9, 2) * side
        else:
            corner = rng.uniform(0.0, _FRAME_PX - side, 2)
        corner = corner.clip(0.0, _FRAME_PX - side)
        into = np.array([[scale, 0.0, (0.5 - corner[0]) * scale - 0.5], [0.0, scale, (0.5 - corner[1]) * scale - 0.5]])
        if rng.random() < 0.5:
            into = np.array([[-1.0, 0.0, size - 1.0], [0.0, 1.0, 0.0]]) @ np.vstack([into, [0.0, 0.0, 1.0]])
        return into[::-1] if rng.random() < 0.3 else into
