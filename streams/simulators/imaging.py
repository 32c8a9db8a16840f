"""The imaging chain: from log attenuation to the grey levels of one vendor's screen, drawn anew for each seed.

Scatter, X-ray quanta and electronic noise with the detector's correlation, the noisy first frames of a run, exposure
flicker, the field (shutters or a round intensifier), a log-type display curve and edge enhancement.
"""

from __future__ import annotations

import functools
import math

import cv2
import numba
import numpy as np
import numpy.typing as npt

from heartwire.streams.simulators.settings import Settings, draw, draw_log

Float32Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
Random = np.random.Generator

_LUT_STEPS = 4096
_BRIGHTEST = 12.0
_SPARE_PX = 509
NOISE_SIGMAS_PX = (0.34, 0.44, 0.5, 0.53, 0.57, 0.65, 0.7, 0.76, 0.82)
"""Blur that gives white noise a correlation of neighbours from 0.02 to 0.69."""


class ImagingChain:
    """One X-ray system with its settings.

    Parameters
    ----------
    random
        Where the system is drawn from.
    seed
        Makes each frame's noise.
    size_px
        Side of the frame.
    bits
        Bits in use: 8, or 10 to 16 in uint16.
    settings
        What the system is drawn from.

    Attributes
    ----------
    field : (size_px, size_px) bool
        Where the beam reaches and the display shows it.
    """

    def __init__(self, random: Random, seed: int, size_px: int, bits: int, settings: Settings) -> None:
        self._seed = seed
        self.bits = bits
        scale = size_px / 512
        self._primary_share = 1.0 / (1.0 + float(random.uniform(*settings.scatter_to_primary)))
        self._scatter_sigma = float(random.uniform(*settings.scatter_px)) / 512
        self.median_grey = float(random.uniform(70.0, 165.0) if random.random() < 0.75 else random.uniform(32.0, 70.0))
        self.slope_grey = self.median_grey * float(random.uniform(0.45, 1.05))
        half_grey = math.exp(random.uniform(math.log(0.15), math.log(3.0)))
        noise_grey = draw_log(random, settings.noise_grey)
        self._noise_grey = noise_grey
        self._electronic = float(random.uniform(0.0, 0.3)) * noise_grey / self.slope_grey
        self._sharpen = draw(random, settings.sharpen)
        self._sharpen_sigma = float(random.uniform(*settings.sharpen_px)) * scale
        relative = noise_grey / self.slope_grey / (1.0 + 0.7 * self._sharpen)
        self._variance_per_signal = relative * relative
        self._flatten = draw(random, settings.flatten)
        self._start_noise = float(random.uniform(1.0, 4.0))
        memory = draw(random, settings.noise_memory)
        taps = np.array([1.0, memory, memory * memory])
        self._taps = (taps / np.linalg.norm(taps)).astype(np.float32)
        first, last = settings.noise_kinds
        self._tile = _noise_tile(size_px + _SPARE_PX, int(random.integers(first, last + 1)))
        self._flicker = float(random.uniform(*settings.flicker))
        self._display = settings.display
        self._lut = self._display_curve(half_grey, float(random.uniform(0.85, 1.2)))
        self._shutter, self._shown, self._outside_grey = _draw_field(random, size_px, settings)
        self.field = np.asarray(self._shown & (self._shutter < 0.5))
        self._reference = 0.0
        self._gain = np.ones((size_px, size_px), np.float32)
        self._signal = np.empty((size_px, size_px), np.float32)

    def expose_for(self, attenuation: Float32Array) -> None:
        """Set exposure (and any flattening of the background) from a first look at the patient."""
        inside = attenuation[self.field]
        self._reference = float(np.median(inside))
        if self._flatten:
            size_px = len(attenuation)
            small = cv2.resize(
                np.where(self.field, attenuation, self._reference), (64, 64), interpolation=cv2.INTER_AREA
            )
            smooth = cv2.resize(cv2.GaussianBlur(small, (0, 0), 6.0), (size_px, size_px), interpolation=cv2.INTER_CUBIC)
            self._gain = np.exp(self._flatten * (smooth - self._reference)).astype(np.float32)

    def darkening(self, attenuation: float, added: float) -> float:
        """Give by which share the grey level falls where `added` log attenuation comes on top of the background."""
        signal = math.exp(self._reference - attenuation)
        scatter = (1.0 - self._primary_share) * signal
        without = self._grey(self._primary_share * signal + scatter)
        return 1.0 - self._grey(self._primary_share * signal * math.exp(-added) + scatter) / max(without, 1.0)

    @property
    def least_darkening(self) -> float:
        """Share of the grey level that stands out from the steady noise: three times its deviation."""
        return min(0.45, 3.0 * self._noise_grey / self.median_grey)

    def contrast_to_noise(self, attenuation: float, added: float) -> float:
        """Give the drop in signal by `added` log attenuation over the steady noise, on a given background."""
        signal = math.exp(self._reference - attenuation)
        drop = self._primary_share * signal * (1.0 - math.exp(-added))
        return drop / math.sqrt(signal * self._variance_per_signal + self._electronic**2)

    def shutter_at(self, x: int, y: int) -> float:
        """Give the log attenuation of the shutters at a pixel."""
        return float(self._shutter[y, x])

    def develop(self, attenuation: Float32Array, frame: int, out: Pixels | None = None) -> Pixels:
        """Make the frame as the screen shows it.

        Parameters
        ----------
        attenuation : (size_px, size_px)
            Log attenuation of everything in the beam.
        frame
            Frame number: chooses noise and flicker.
        out
            Where to put it; a new array if not given.
        """
        size_px = len(attenuation)
        random = np.random.default_rng([self._seed, frame, 0x4E4F49])
        exposure = math.exp(self._flicker * (random.standard_normal() + math.sin(0.23 * frame)) + self._reference)
        step = size_px // 64
        coarse = np.exp(-(attenuation + self._shutter)[step // 2 :: step, step // 2 :: step]) * exposure
        coarse = cv2.GaussianBlur(coarse.astype(np.float32), (0, 0), self._scatter_sigma * len(coarse))
        scatter = cv2.resize(coarse * (1.0 - self._primary_share), (size_px, size_px), interpolation=cv2.INTER_LINEAR)
        noise = np.float32(1.0 + (self._start_noise - 1.0) * math.exp(-frame / 1.3))
        corners = np.stack([_corner(self._seed, max(frame, 0) - lag) for lag in range(3)])
        _expose(
            attenuation, self._shutter, scatter, self._gain, self._tile, corners, self._taps * noise, self._lut,
            np.float32(self._primary_share * exposure), np.float32(self._variance_per_signal),
            np.float32(self._electronic**2), self._signal,
        )  # fmt: skip
        grey = self._signal
        if self._sharpen:
            blurred = _blur(grey, self._sharpen_sigma)
            grey = cv2.addWeighted(grey, 1.0 + self._sharpen, blurred, -self._sharpen, 0.0)
        made = np.empty_like(grey, np.uint8) if self.bits == 8 else np.empty_like(grey, np.uint16)
        pixels: Pixels = made if out is None else out
        top = np.float32(2**self.bits - 1)
        _finish(grey, self._shown, np.float32(self._outside_grey), top / np.float32(255.0), top, pixels)
        return pixels

    def _grey(self, signal: float) -> float:
        at = min(signal / _BRIGHTEST, 1.0) * (_LUT_STEPS - 2)
        return float(np.interp(at, np.arange(_LUT_STEPS), self._lut))

    def _display_curve(self, half: float, gamma: float) -> Float32Array:
        """Grey = median + a log((I + half) / (1 + half)): noise nearly even over grey around I = half.

        The sigmoid (as DICOM's VOI LUT function, PS3.3 C.11.2.1.3.1) has the same level and slope at I = 1.
        """
        signal = np.arange(_LUT_STEPS) / (_LUT_STEPS - 2) * _BRIGHTEST
        rise = (1.0 + half) * np.log((signal + half) / (1.0 + half))
        if self._display == "sigmoid":
            share = self.median_grey / 255.0
            steep = self.slope_grey / (255.0 * share * (1.0 - share))
            grey = 255.0 / (1.0 + (1.0 / share - 1.0) * np.exp(-steep * rise))
        else:
            grey = np.clip(self.median_grey + self.slope_grey * rise, 0.0, None)
        grey = self.median_grey * (grey / self.median_grey) ** gamma
        knee = 205.0
        over = np.maximum(grey - knee, 0.0)
        return np.asarray(np.where(grey > knee, knee + 50.0 * (1.0 - np.exp(-over / 50.0)), grey), np.float32)


def _corner(seed: int, frame: int) -> npt.NDArray[np.int64]:
    """Where in the noise tile the fresh noise of a frame begins."""
    random = np.random.default_rng([seed, frame + 16, 0x54494C])
    return random.integers(0, _SPARE_PX, 2)


@functools.lru_cache(maxsize=8)
def _noise_tile(side_px: int, kind: int) -> Float32Array:
    """Unit-variance noise whose neighbours are correlated by `kind`."""
    random = np.random.default_rng([kind, 0x4E])
    tile = random.standard_normal((side_px, side_px), dtype=np.float32)
    tile = cv2.GaussianBlur(tile, (0, 0), NOISE_SIGMAS_PX[kind])
    return np.asarray(tile / tile.std(), np.float32)


def _blur(image: Float32Array, sigma: float) -> Float32Array:
    """Blur with a Gaussian; wide ones at half resolution."""
    if sigma < 1.6:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma))
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    half = cv2.GaussianBlur(half, (0, 0), 0.5 * sigma)
    return np.asarray(cv2.resize(half, image.shape[::-1], interpolation=cv2.INTER_LINEAR))


def _draw_field(random: Random, size_px: int, settings: Settings) -> tuple[Float32Array, npt.NDArray[np.bool_], float]:
    """Draw shutters (log attenuation), the field shown, and the grey level outside it (-1: all is shown)."""
    y, x = np.mgrid[0:size_px, 0:size_px].astype(np.float32) / size_px - 0.5
    shutter = np.zeros((size_px, size_px), np.float32)
    shown = np.ones((size_px, size_px), bool)
    kind = random.choice(list(settings.fields), p=list(settings.fields.values()))
    if kind in ("shutters", "octagon"):
        for k in range(4):
            if random.random() < 0.3:
                continue
            angle = k * math.pi / 2 + random.normal(0.0, 0.02)
            edge = 0.5 - abs(random.normal(0.0, 0.06))
            soft = random.uniform(0.002, 0.02)
            past = (x * math.cos(angle) + y * math.sin(angle) - edge) / soft
            shutter += (random.uniform(0.7, 5.0) / (1.0 + np.exp(-np.clip(past, -30.0, 30.0)))).astype(np.float32)
    if kind == "round":
        cx, cy = random.normal(0.0, 0.02, 2)
        shown = np.asarray(np.hypot(x - cx, y - cy) < random.uniform(0.41, 0.54))
    elif kind == "octagon":
        shown = np.asarray(np.abs(x) + np.abs(y) < random.uniform(0.62, 0.8))
    elif kind in ("iris", "masked iris"):
        past = _outside_polygon(random, x, y)
        if kind == "iris":
            softened = np.clip(past / random.uniform(0.002, 0.02), -30.0, 30.0)
            shutter += (random.uniform(0.7, 5.0) / (1.0 + np.exp(-softened))).astype(np.float32)
        else:
            shown = np.asarray(past < 0.0)
    outside = -1.0 if kind in ("open", "shutters", "iris") else draw(random, settings.outside_grey)
    return shutter, shown, outside


def _outside_polygon(random: Random, x: Float32Array, y: Float32Array) -> Float32Array:
    """Draw a regular polygon of 5 to 7 sides about the centre; give how far outside it each place lies."""
    sides, turn, inner = int(random.integers(5, 8)), random.uniform(0.0, 2.0 * math.pi), random.uniform(0.42, 0.52)
    angles = turn + 2.0 * math.pi * np.arange(sides) / sides
    return np.asarray(np.max([x * math.cos(a) + y * math.sin(a) for a in angles], axis=0) - inner, np.float32)


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _expose(attenuation, shutter, scatter, gain, tile, corners, taps, lut, exposure, variance, electronic2, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = out.shape
    scale = np.float32((len(lut) - 2) / 12.0)
    top = np.float32(len(lut) - 2)
    zero = np.float32(0.0)
    for y in range(height):
        n0 = tile[corners[0, 0] + y, corners[0, 1] : corners[0, 1] + width]
        n1 = tile[corners[1, 0] + y, corners[1, 1] : corners[1, 1] + width]
        n2 = tile[corners[2, 0] + y, corners[2, 1] : corners[2, 1] + width]
        for x in range(width):
            signal = exposure * np.exp(-(attenuation[y, x] + shutter[y, x])) + scatter[y, x]
            noise = taps[0] * n0[x] + taps[1] * n1[x] + taps[2] * n2[x]
            signal += noise * np.sqrt(signal * variance + electronic2)
            at = max(min(signal * gain[y, x] * scale, top), zero)
            i = int(at)
            out[y, x] = lut[i] + (at - np.float32(i)) * (lut[i + 1] - lut[i])


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _finish(grey, shown, outside, scale, top, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    height, width = out.shape
    hide = outside >= np.float32(0.0)
    for y in range(height):
        for x in range(width):
            value = grey[y, x]
            if hide and not shown[y, x]:
                value = outside
            out[y, x] = int(min(max(value * scale, np.float32(0.0)), top) + np.float32(0.5))
