"""What the imaging chains of many makers and decades do to an image: drawn at random, wide on purpose.

A chain is drawn once for a sample and applied to every one of its frames, as one X-ray system takes them all.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from heartwire.models.xray.curves import Array, log_uniform, share
from heartwire.models.xray.strokes import Mask

CHAINS = ("plain", "edge-enhanced", "film", "graded", "coded")
ERAS = ("flat-panel", "intensifier", "cine-film")
_TILE_PX = 832
_NOISE_SIGMAS_PX = (0.0, 0.0, 0.35, 0.45, 0.55, 0.65, 0.8, 1.0, 1.3)
_COARSE = (2, 5, 7)
"""Noise tiles that also hold coarse grain."""
_LEVEL_NOISE = 0.35
"""Variance that whole grey levels leave of a faint line, in levels squared."""


@dataclass(frozen=True)
class Look:
    """Which look a sample was drawn with.

    Parameters
    ----------
    chain
        One of `CHAINS`: how the image was processed.
    era
        One of `ERAS`: how it was taken.
    kinds
        Kinds of device drawn, see `devices.KINDS`; empty where there is none.
    """

    chain: str
    era: str
    kinds: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Say whether a chain, an era or a kind of device is part of this look."""
        return name in (self.chain, self.era) or name in self.kinds


def draw_look(rng: np.random.Generator) -> Look:
    """Draw chain and era: film goes with old systems alone."""
    chain = share(rng, {"plain": 0.24, "edge-enhanced": 0.24, "film": 0.12, "graded": 0.18, "coded": 0.22})
    if chain == "film":
        return Look(chain, "cine-film" if rng.random() < 0.6 else "intensifier")
    return Look(chain, share(rng, {"flat-panel": 0.55, "intensifier": 0.35, "cine-film": 0.1}))


@functools.cache
def _tiles() -> list[Array]:
    """Make noise of unit deviation, from white to coarse."""
    rng = np.random.default_rng(0x6E6F)
    tiles = []
    for i, sigma in enumerate(_NOISE_SIGMAS_PX):
        tile = rng.standard_normal((_TILE_PX, _TILE_PX), np.float32)
        if sigma:
            tile = cv2.GaussianBlur(tile, (0, 0), sigma)
        tile /= tile.std()
        if i in _COARSE:
            coarse = cv2.GaussianBlur(rng.standard_normal(tile.shape, np.float32), (0, 0), 1.3 + 0.4 * i)
            tile += coarse * (0.5 / coarse.std())
        tiles.append((tile / tile.std()).astype(np.float32))
    return tiles


def noise(rng: np.random.Generator, size: int, colour: int) -> Array:
    """Cut noise (size, size) of unit deviation from a tile; a view, not to be written to."""
    y, x = rng.integers(0, _TILE_PX - size, 2)
    cut = _tiles()[colour][y : y + size, x : x + size]
    turn = rng.integers(4)
    cut = cut[::-1] if turn & 1 else cut
    return cut[:, ::-1] if turn & 2 else cut


def _field_of_view(rng: np.random.Generator, size: int, round_share: float) -> tuple[Array, Mask]:
    """Give a collimator's soft transmission (size, size) in 0..1 and its hard mask."""
    hard = np.zeros((size, size), np.uint8)
    if rng.random() < round_share:
        radius = int(rng.uniform(0.55, 1.4) * size)
        angle = rng.uniform(0, 2 * np.pi)
        away = max(0.0, radius - rng.uniform(0.3, 0.8) * size)
        centre = int(size / 2 + away * np.cos(angle)), int(size / 2 + away * np.sin(angle))
        cv2.circle(hard, centre, radius, 1, -1)
    else:
        low = rng.uniform(-0.25, 0.2, 2).clip(0.0) * size
        high = (1.0 - rng.uniform(-0.25, 0.2, 2).clip(0.0)) * size
        box = ((float(low[0] + high[0]) / 2, float(low[1] + high[1]) / 2), tuple(float(v) for v in high - low))
        corners = cv2.boxPoints((*box, float(rng.normal(0.0, 1.0)))).astype(np.int32)
        cv2.fillPoly(hard, [corners], 1)
    sigma = log_uniform(rng, 0.4, 8.0)
    soft = hard.astype(np.float32)
    if sigma > 2.0:
        small = cv2.resize(soft, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        return cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / 2), (size, size)), hard
    return cv2.GaussianBlur(soft, (0, 0), sigma), hard


def _vignette(rng: np.random.Generator, size: int) -> Array:
    """Give the fall of brightness towards the rim (size, size), 1 at its brightest."""
    axis = np.linspace(-0.5, 0.5, size, dtype=np.float32)
    x, y = axis - np.float32(rng.uniform(-0.5, 0.5)), axis - np.float32(rng.uniform(-0.5, 0.5))
    fall: Array = 1.0 - np.float32(rng.uniform(0.1, 0.6)) * (x[None, :] ** 2 + y[:, None] ** 2)
    return fall


@dataclass(frozen=True)
class Chain:
    """The parameters of one X-ray system, from the image (s, s) in 0..1 at the detector to grey levels.

    Attributes
    ----------
    noise_colour
        Which noise it has, see `noise`.
    noise_follows
        Whether the noise grows with the root of the signal.
    field_hard
        Where the field is open (1); None where it is everywhere.
    """

    blur_px: float
    noise_colour: int
    noise_follows: bool
    sharpen: float
    sharpen_px: float
    low: float
    span: float
    gamma: float
    gain: float
    offset: float
    vignette: Array | None
    field_soft: Array | None
    field_hard: Mask | None
    outside_grey: float
    clahe: tuple[float, int] | None
    text: tuple[str, tuple[int, int], float, int] | None
    coding: tuple[float, int] | None
    whole_levels: bool
    scratches: Array = field(default_factory=lambda: np.zeros((0, 3), np.float32))

    @classmethod
    def draw(cls, rng: np.random.Generator, look: Look, image: Array) -> Chain:
        """Draw the parameters that a look allows, for an image (s, s) in 0..1 without noise."""
        size = image.shape[0]
        old = look.era != "flat-panel"
        film = look.chain == "film"
        blur = 0.0
        if film or rng.random() < (0.55 if old else 0.25):
            blur = rng.uniform(0.5, 1.5 if old else 1.1)
        sharpen = 0.0
        if look.chain == "edge-enhanced":
            sharpen = rng.uniform(0.5, 2.5)
        elif not film and look.chain != "plain" and rng.random() < 0.5:
            sharpen = rng.uniform(0.1, 0.9)
        seen = np.sort(image[::8, ::8], axis=None)
        low, high = float(seen[len(seen) // 100]), float(seen[-1 - len(seen) // 100])
        stretch = rng.uniform(0.0, 1.0)
        strong = look.chain == "graded"
        gamma = log_uniform(rng, 0.4, 2.6) if strong else log_uniform(rng, 0.6, 1.7)
        round_share = 0.25 if look.era == "flat-panel" else 0.85
        soft, hard = None, None
        if rng.random() < (0.6 if film else 0.4):
            soft, hard = _field_of_view(rng, size, round_share)
        text = None
        if rng.random() < 0.1:
            letters = "0123456789 RLAOCU/.:"
            words = "".join(letters[i] for i in rng.integers(0, len(letters), rng.integers(3, 12)))
            at = int(rng.uniform(0, size * 0.7)), int(rng.uniform(12, size - 6))
            text = (words, at, rng.uniform(0.3, 0.6), int(rng.uniform(150, 256)) if rng.random() < 0.8 else 0)
        coding = None
        if look.chain == "coded":
            coding = (rng.uniform(0.5, 1.0) if rng.random() < 0.5 else 1.0, int(rng.integers(12, 60)))
        elif rng.random() < 0.15:
            coding = (1.0, int(rng.integers(60, 96)))
        colours = (4, 5, 6, 7, 8) if film or look.era == "cine-film" else (0, 1, 2, 3, 4, 5, 6)
        scratches = np.zeros((0, 3), np.float32)
        if look.era == "cine-film" and rng.random() < 0.5:
            scratches = rng.uniform((0, 0, -0.2), (size, size, 0.3), (rng.integers(1, 8), 3)).astype(np.float32)
        return cls(
            blur_px=blur,
            noise_colour=colours[rng.integers(len(colours))],
            noise_follows=bool(rng.random() < 0.5),
            sharpen=sharpen,
            sharpen_px=rng.uniform(1.0, 5.0),
            low=low * stretch,
            span=1.0 - stretch + stretch * max(high - low, 0.05),
            gamma=gamma,
            gain=rng.uniform(0.45, 1.15),
            offset=rng.uniform(-0.05, 0.2),
            vignette=_vignette(rng, size) if old and rng.random() < 0.7 else None,
            field_soft=soft,
            field_hard=hard,
            outside_grey=rng.uniform(0.0, 60.0),
            clahe=(rng.uniform(1.0, 4.0), int(rng.integers(2, 9))) if strong and rng.random() < 0.6 else None,
            text=text,
            coding=coding,
            whole_levels=bool(rng.random() < 0.85),
            scratches=scratches,
        )

    def at_the_detector(self, image: Array) -> Array:
        """Blur and vignette an image without noise: what the noise is then added to."""
        if self.blur_px:
            image = cv2.GaussianBlur(image, (0, 0), self.blur_px)
        return image * self.vignette if self.vignette is not None else image

    def _grade(self, image: Array) -> Array:
        """Map the signal to grey levels, before clipping to 0..255."""
        image = (image - np.float32(self.low)) * np.float32(1.0 / self.span)
        np.clip(image, 0.0, 1.2, out=image)
        image = cv2.pow(image, self.gamma)
        image *= np.float32(255.0 * self.gain)
        image += np.float32(255.0 * self.offset)
        return image

    def contrast_to_noise(self, behind: Array, level: Array, sigma: float) -> Array:
        """Give how far what is drawn stands out on the screen.

        Parameters
        ----------
        behind, level : (s / 2, s / 2)
            Every other pixel of the signal in 0..1, without and with it.
        sigma
            Deviation of the noise.
        """
        if self.vignette is not None:
            behind, level = behind * self.vignette[::2, ::2], level * self.vignette[::2, ::2]
        grain = cv2.sqrt(cv2.max(level, 0.02)) * np.float32(1.4142 * sigma) if self.noise_follows else np.float32(sigma)
        brighter = np.clip(self._grade(level + grain), 0.0, 255.0)
        with_it = np.clip(self._grade(level), 0.0, 255.0)
        drop = np.clip(self._grade(behind), 0.0, 255.0) - with_it
        spread = brighter - with_it
        whole = np.float32(_LEVEL_NOISE if self.whole_levels else 0.1)
        return np.asarray(drop / cv2.sqrt(spread * spread + whole))

    def for_the_average(self) -> Chain:
        """Give the same chain for an average of many frames: text stays, coding and scratches average out."""
        return replace(self, coding=None, whole_levels=False, scratches=self.scratches[:0])

    def for_another(self) -> Chain:
        """Give the same chain for another frame: a scratch is on one frame of a film alone."""
        return replace(self, scratches=self.scratches[:0]) if len(self.scratches) else self

    def apply(self, image: Array, grain: Array, sigma: float) -> Array:
        """Make grey levels 0..255 (s, s) from `at_the_detector`, noise of unit deviation and its deviation."""
        if self.noise_follows:
            level = cv2.sqrt(cv2.max(image, 0.02))
            image = image + cv2.multiply(level, grain, scale=sigma * 1.4142)
        else:
            image = cv2.scaleAdd(np.ascontiguousarray(grain), sigma, image)
        for x, y, level in self.scratches:
            reach = int(400.0 * abs(level)) + 10
            cv2.line(image, (int(x), int(y) - reach), (int(x), int(y) + reach), float(level) + 0.5, 1)
        if self.sharpen:
            smooth = _smooth(image, self.sharpen_px)
            image = cv2.addWeighted(image, 1.0 + self.sharpen, smooth, -self.sharpen, 0.0)
        image = self._grade(image)
        np.clip(image, 0.0, 255.0, out=image)
        if self.field_soft is not None:
            image -= np.float32(self.outside_grey)
            image *= self.field_soft
            image += np.float32(self.outside_grey)
        return self._encode(image)

    def _encode(self, image: Array) -> Array:
        if not (self.whole_levels or self.coding or self.clahe or self.text):
            return image
        grey: Mask = image.astype(np.uint8)
        if self.clahe is not None:
            clip, tiles = self.clahe
            grey = np.asarray(cv2.createCLAHE(clip, (tiles, tiles)).apply(grey), np.uint8)
        if self.text is not None:
            words, at, scale, level = self.text
            cv2.putText(grey, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, level, 1)
        if self.coding is not None:
            shrink, quality = self.coding
            grey = recode(grey, quality, shrink)
        return grey.astype(np.float32)


def _smooth(image: Array, sigma_px: float) -> Array:
    if sigma_px < 1.7:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px))
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = cv2.GaussianBlur(half, (0, 0), 0.5 * sigma_px)
    return np.asarray(cv2.resize(half, image.shape[::-1], interpolation=cv2.INTER_LINEAR))


def recode(grey: Mask, quality: int, shrink: float = 1.0) -> Mask:
    """Send an 8-bit image (h, w) through JPEG, at times at a smaller size, as cheap video is."""
    shape = grey.shape[::-1]
    if shrink < 1.0:
        grey = np.asarray(cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA), np.uint8)
    coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    grey = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    if shrink < 1.0:
        grey = np.asarray(cv2.resize(grey, shape, interpolation=cv2.INTER_LINEAR), np.uint8)
    return grey
