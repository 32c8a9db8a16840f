"""One training sample: a background, devices drawn on it, clutter, an imaging chain, and the truth for the network."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from heartwire.engine.xray.conditioning import LocalContrast
from heartwire.models.xray.backgrounds import Backgrounds
from heartwire.models.xray.clutter import Clutter, draw_clutter
from heartwire.models.xray.curves import Array, log_uniform
from heartwire.models.xray.devices import Canvas, draw_devices
from heartwire.models.xray.history import AGES, History, Mover, draw_history
from heartwire.models.xray.looks import Chain, Look, draw_look, noise
from heartwire.models.xray.strokes import Mask
from heartwire.models.xray.truth import truth_planes

CROP_PX = 256
_STILL_SHARE = 0.35
_SAME_FRAME_SHARE = 0.1
_LOST_IN_NOISE = 2.0
_HIDDEN_BY_DYE = 0.5
_BODY_LOST = 1.1
_DOUBTFUL_CELLS = 3
_LEAST_RECORDED_PX = 300
_ROOT_OF_HALF_WIDTH = 1.8
"""Of recorded catheters, root of px."""
_TREE_SHARE = 0.3
"""Of the samples with a device that get the arteries of another recording; of those without one, twice as many."""


@dataclass
class Sample:
    """Three conditioned images (3, s, s), their truth at half resolution (8, s / 2, s / 2), and how they look.

    The images: current frame, previous frame, slow average. The truth's planes, see `truth.truth_planes`: catheter,
    guidewire, tip of each (heat), offset x and y, electrodes (heat), weight.
    """

    image: Array
    truth: Array
    look: Look


class Scenes:
    """Draws samples.

    Parameters
    ----------
    backgrounds
        What devices are drawn on.
    size
        Side of the crops in px.
    """

    def __init__(self, backgrounds: Backgrounds, *, size: int = CROP_PX) -> None:
        self.size = size
        self.backgrounds = backgrounds
        self._contrast = LocalContrast(size, size)

    def raw(self, rng: np.random.Generator) -> tuple[Array, Array, Look]:
        """Draw three images (3, s, s) in 0..255, their truth (8, s / 2, s / 2) and the look."""
        size = self.size
        image, lines, unmarked, recorded, real = self.backgrounds.draw(rng, size)
        look = draw_look(rng)
        canvas = draw_devices(rng, size)
        if shown := np.count_nonzero(recorded) >= _LEAST_RECORDED_PX:
            canvas.kinds.add("catheter")
        look = replace(look, kinds=frozenset(canvas.kinds))
        clutter = draw_clutter(rng, size, canvas.tips, 0.4 if real else 1.0, devices=bool(canvas.kinds))
        if rng.random() < (_TREE_SHARE if canvas.kinds else 2 * _TREE_SHARE):
            tree = self.backgrounds.tree(rng, size)
            if tree is not None:
                clutter.dye += tree
        # Devices are about as sharp as the chain lets them be, and some move while the pulse lasts.
        canvas.depth = cv2.GaussianBlur(canvas.depth, (0, 0), rng.uniform(0.35, 1.1))
        if rng.random() < 0.12:
            canvas.depth = _smeared(rng, canvas.depth)
        if shown:
            lines = _taken_over(canvas, lines, recorded)
        else:
            unmarked |= recorded
        image = image * cv2.exp(-clutter.chest)
        behind = image * cv2.exp(-(lines + clutter.dye + clutter.outside))
        now = behind * cv2.exp(-canvas.depth)
        chain = Chain.draw(rng, look, now)
        level = float(cv2.mean(now)[0])
        most = max(0.4, 255.0 * level * canvas.weakest)
        sigma = min(log_uniform(rng, 0.4, 3.0 if rng.random() < 0.45 else 14.0), most) / 255.0 * min(1.0, level / 0.4)
        hide(canvas, clutter, behind, now, chain, sigma, unmarked)
        frames = np.empty((3, size, size), np.float32)
        self._develop(rng, frames, image, lines, now, canvas, clutter, chain, sigma)
        if chain.field_hard is not None:
            _limit(canvas, chain.field_hard)
            unmarked = unmarked & chain.field_hard
        return frames, truth_planes(canvas.bodies, canvas.tips, canvas.electrodes, unmarked), look

    def _develop(
        self,
        rng: np.random.Generator,
        frames: Array,
        image: Array,
        lines: Array,
        now: Array,
        canvas: Canvas,
        clutter: Clutter,
        chain: Chain,
        sigma: float,
    ) -> None:
        """Fill the current, previous and average frame; all three the same for stills."""
        grain = noise(rng, self.size, chain.noise_colour)
        frames[0] = chain.apply(chain.at_the_detector(now), grain, sigma)
        how = rng.random()
        if how < _STILL_SHARE:
            frames[1:] = frames[0]
            return
        moving = how >= _STILL_SHARE + _SAME_FRAME_SHARE
        history = draw_history(rng, moving=moving)
        previous, average = _older(rng, history, image, lines, now, canvas, clutter) if moving else (now, now)
        sigma_before = sigma * (rng.uniform(1.0, 3.0) if rng.random() < 0.08 else 1.0)
        fresh = noise(rng, self.size, chain.noise_colour)
        if history.recursion:
            fresh = fresh * np.float32(np.sqrt(1.0 - history.recursion**2)) + grain * np.float32(history.recursion)
        flicker = np.float32(1.0 + rng.normal(0.0, 0.02)) if rng.random() < 0.4 else np.float32(1.0)
        if moving:
            frames[1] = chain.for_another().apply(chain.at_the_detector(previous) * flicker, fresh, sigma_before)
        else:
            frames[1] = frames[0]
        slow = noise(rng, self.size, chain.noise_colour)
        rest = float(np.sqrt(max(0.0, history.noise**2 - history.weights[0] ** 2 - history.weights[1] ** 2)))
        slow = slow * np.float32(rest) + grain * history.weights[0] + fresh * history.weights[1]
        frames[2] = chain.for_the_average().apply(chain.at_the_detector(average), slow, sigma)

    def draw(self, rng: np.random.Generator) -> Sample:
        """Draw one sample."""
        grey, truth, look = self.raw(rng)
        return Sample(condition(self._contrast, grey), truth, look)


def condition(contrast: LocalContrast, frames: Array) -> Array:
    """Condition the current and the previous frame and the average (3, s, s) as the engine does."""
    image = np.empty_like(frames)
    contrast.apply(frames[1], image[1])
    contrast.apply(frames[0], image[0])
    if np.array_equal(frames[2], frames[0]):
        image[2] = image[0]
    else:
        contrast.apply_alike(frames[2], image[2])
    return image


def _smeared(rng: np.random.Generator, depth: Array) -> Array:
    """Smear along a short line, as movement during the pulse does."""
    reach = int(rng.integers(2, 6))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    angle = rng.uniform(0, np.pi)
    way = round(reach * float(np.cos(angle))), round(reach * float(np.sin(angle)))
    cv2.line(kernel, (reach - way[0] // 2, reach - way[1] // 2), (reach + way[0] // 2, reach + way[1] // 2), 1.0)
    return np.asarray(cv2.filter2D(depth, -1, kernel / kernel.sum()))


def _taken_over(canvas: Canvas, lines: Array, recorded: Mask) -> Array:
    """Make recorded catheters devices of the sample, which move as such; gives the dark lines that are left."""
    share = cv2.GaussianBlur(cv2.dilate(recorded, np.ones((5, 5), np.uint8)).astype(np.float32), (0, 0), 1.0)
    own = lines * share
    canvas.depth += own
    canvas.bodies[0][recorded > 0] = 1
    canvas.weakest = min(canvas.weakest, float(np.median(own[recorded > 0])) * _ROOT_OF_HALF_WIDTH)
    return np.asarray(lines - own, np.float32)


def _older(
    rng: np.random.Generator, history: History, image: Array, lines: Array, now: Array, canvas: Canvas, clutter: Clutter
) -> tuple[Array, Array]:
    """Give the previous image and the average of all, without noise."""
    mover = Mover(history, image.shape[0])
    still = clutter.outside
    arteries = lines + clutter.dye
    dyed = bool(arteries.any())
    # Contrast comes or goes: how much of the present filling was there before.
    filling = np.clip(1.0 + rng.normal(0.0, 0.15) * np.array(AGES), 0.0, 1.4) if rng.random() < 0.5 else None
    average = now * history.weights[0]
    previous = now
    for older in range(len(AGES)):
        weight = float(history.weights[1 + older])
        if older and weight < 0.01:
            continue
        depth = mover.devices(canvas.depth, older)
        depth += still
        if dyed:
            share = 1.0 if filling is None else float(filling[older])
            depth = cv2.scaleAdd(mover.arteries(arteries, older), share, depth)
        then = mover.anatomy(image, older) * cv2.exp(-depth)
        if older == 0:
            previous = then
        average = cv2.scaleAdd(then, weight, average)
    return previous, average


def hide(
    canvas: Canvas, clutter: Clutter, behind: Array, now: Array, chain: Chain, sigma: float, unmarked: Mask
) -> None:
    """Take away tips and electrodes that contrast, noise or black hides, and say nothing about what is doubtful."""
    if not canvas.kinds:
        return
    every_other = np.s_[::2, ::2]
    level, depth, dye = now[every_other], canvas.depth[every_other], clutter.dye[every_other]
    ratio = chain.contrast_to_noise(behind[every_other], level, sigma)
    body = cv2.max(canvas.bodies[0][every_other], canvas.bodies[1][every_other])
    window = (5, 5)
    over = cv2.blur(ratio * body, window) / (cv2.blur(body.astype(np.float32), window) + np.float32(1e-3))
    hidden = dye > np.maximum(np.float32(_HIDDEN_BY_DYE) * depth, np.float32(0.05))
    doubtful = ((over < np.float32(_BODY_LOST)) | hidden) & (body > 0)

    def visible(x: float, y: float) -> bool:
        row, column = int(y / 2), int(x / 2)
        at = np.s_[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3]
        if ratio[at].max() >= _LOST_IN_NOISE and dye[at].mean() <= _HIDDEN_BY_DYE * depth[at].max():
            return True
        doubtful[max(0, row - _DOUBTFUL_CELLS) : row + _DOUBTFUL_CELLS + 1,
                 max(0, column - _DOUBTFUL_CELLS) : column + _DOUBTFUL_CELLS + 1] = True  # fmt: skip
        return False

    canvas.tips = [tip for tip in canvas.tips if visible(tip[1], tip[2])]
    canvas.electrodes = [place for place in canvas.electrodes if visible(*place)]
    doubtful_px = cv2.resize(doubtful.astype(np.uint8), now.shape[::-1], interpolation=cv2.INTER_NEAREST)
    for mask in canvas.bodies:
        mask[doubtful_px > 0] = 0
    unmarked |= canvas.unmarked
    unmarked |= doubtful_px


def _limit(canvas: Canvas, field: Mask) -> None:
    """Keep what lies inside the field."""
    for body in canvas.bodies:
        body[field == 0] = 0
    canvas.tips = [tip for tip in canvas.tips if field[int(tip[2] + 0.5), int(tip[1] + 0.5)]]
    canvas.electrodes = [place for place in canvas.electrodes if field[int(place[1] + 0.5), int(place[0] + 0.5)]]
