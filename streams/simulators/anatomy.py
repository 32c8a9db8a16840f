"""The patient behind the devices: layers of log attenuation that breathing and the heart beat move.

Drawn at random for each seed on a grid of 512 px with a margin, then scaled to the frame.
"""

from __future__ import annotations

import math

import cv2
import numba
import numpy as np
import numpy.typing as npt
from scipy import fft

from heartwire.streams.simulators.curves import FloatArray
from heartwire.streams.simulators.heart import Motion
from heartwire.streams.simulators.spectrum import Spectrum

Float32Array = npt.NDArray[np.float32]
Random = np.random.Generator

GRID_PX = 512
MARGIN_PX = 56
_FULL_PX = GRID_PX + 2 * MARGIN_PX


class Anatomy:
    """Soft tissue, spine, ribs, lungs, diaphragm and heart shadow, and what lies on the patient.

    Parameters
    ----------
    random
        Where everything is drawn from.
    size_px
        Side of the frame.
    mm_per_px
        Scale of a 512 px frame at the patient.
    spectrum
        The beam.
    """

    def __init__(self, random: Random, size_px: int, mm_per_px: float, spectrum: Spectrum) -> None:
        self._mm = mm_per_px
        self._scale = size_px / GRID_PX
        self.water_cm = float(random.uniform(14.0, 26.0))
        y, x = np.mgrid[0:_FULL_PX, 0:_FULL_PX].astype(np.float32)
        u, v = (x - _FULL_PX / 2) / GRID_PX, (y - _FULL_PX / 2) / GRID_PX
        self._u, self._v = u, v
        # what has no fine detail is drawn at half the size
        self._soft_u, self._soft_v = u[::2, ::2], v[::2, ::2]
        self._heart_centre = (0.0, 0.0)

        water = self._soft_tissue(random)
        bone = np.zeros_like(u)
        if random.random() < 0.6:
            bone += self._spine(random)
        still = spectrum.log_attenuation("water", np.maximum(self.water_cm + water, 1.0))
        still += spectrum.log_attenuation("bone", bone, self.water_cm)
        still += self._texture(random, float(random.uniform(2.4, 3.0))) * float(random.uniform(0.02, 0.1))
        still += self._on_the_patient(random)

        lungs = self._texture(random, float(random.uniform(1.8, 2.8))) * float(random.uniform(0.01, 0.08))
        lungs += self._mottle(random)
        lungs += self._lung_vessels(random)
        if random.random() < 0.6:
            lungs += self._water(spectrum, self._diaphragm(random))
        if random.random() < 0.65:
            lungs += spectrum.log_attenuation("bone", self._ribs(random), self.water_cm)
        heart = self._water(spectrum, self._heart(random)) if random.random() < 0.7 else np.zeros_like(u)

        self._still = self._to_frame(still, size_px)
        self._lungs = self._to_frame(lungs, size_px)
        self._heart_layer = self._to_frame(heart, size_px)
        self._breath_px = np.array([random.normal(0.0, 2.0), random.uniform(6.0, 15.0) / mm_per_px]) * self._scale
        self._breath_px[1] = min(self._breath_px[1], 0.9 * MARGIN_PX * self._scale)
        self._beat = float(random.uniform(0.02, 0.06))
        self._beat_px = random.normal(0.0, 5.0, 2) * self._scale

    def attenuation(self, motion: Motion, out: Float32Array) -> None:
        """Write the log attenuation of the patient without devices.

        Parameters
        ----------
        motion
            The state of heart and breathing.
        out : (size_px, size_px)
            Filled in place.
        """
        margin = MARGIN_PX * self._scale
        shift = self._breath_px * motion.breath
        zoom = 1.0 + self._beat * motion.contraction
        centre = np.array(self._heart_centre) * GRID_PX * self._scale + 0.5 * len(out)
        beat = 0.6 * shift + self._beat_px * (motion.contraction + 0.3 * motion.twist)
        origin = centre + margin - zoom * (centre + beat)
        _compose(
            self._still, self._lungs, self._heart_layer, out, round(margin),
            margin - shift[0], margin - shift[1], origin[0], origin[1], zoom,
        )  # fmt: skip

    def _to_frame(self, layer: FloatArray, size_px: int) -> Float32Array:
        side = round(_FULL_PX * self._scale)
        layer32 = cv2.GaussianBlur(layer.astype(np.float32), (0, 0), 0.7)
        if size_px == GRID_PX:
            return np.asarray(layer32)
        how = cv2.INTER_AREA if self._scale < 1 else cv2.INTER_CUBIC
        return np.ascontiguousarray(cv2.resize(layer32, (side, side), interpolation=how))

    def _water(self, spectrum: Spectrum, cm: Float32Array) -> FloatArray:
        base = float(spectrum.log_attenuation("water", np.array(self.water_cm)))
        return spectrum.log_attenuation("water", self.water_cm + cm) - base

    def _texture(self, random: Random, slope: float) -> Float32Array:
        """Noise with power falling as 1/f^slope, unit deviation."""
        white = fft.rfft2(random.standard_normal((_FULL_PX, _FULL_PX), dtype=np.float32))
        fy, fx = fft.fftfreq(_FULL_PX)[:, None], fft.rfftfreq(_FULL_PX)[None, :]
        radius = np.sqrt(fx * fx + fy * fy)
        white *= (np.maximum(radius, 4.0 / _FULL_PX) ** (-slope / 2.0)).astype(np.float32)
        texture = fft.irfft2(white, s=(_FULL_PX, _FULL_PX))
        return np.asarray(texture / texture.std())

    def _soft_tissue(self, random: Random) -> Float32Array:
        """Slow changes of depth, cm of water: tilt, waves, and bright lung towards one or two sides."""
        u, v = self._soft_u, self._soft_v
        water = random.normal(0.0, 1.5) * u + random.normal(0.0, 1.5) * v
        for _ in range(4):
            kx, ky = random.normal(0.0, 3.0), random.normal(0.0, 3.0)
            water = water + random.normal(0.0, 0.5) * np.cos(kx * u + ky * v + random.uniform(0.0, 6.3))
        for _ in range(int(random.integers(0, 3))):
            angle = random.uniform(0.0, 2.0 * math.pi)
            across = u * math.cos(angle) + v * math.sin(angle) + random.normal(0.0, 0.08) * np.cos(5.0 * (u - v))
            across = across + random.uniform(-0.5, 3.0) * (v * math.cos(angle) - u * math.sin(angle)) ** 2 * 0.3
            edge = random.uniform(0.12, 0.5)
            soft = (0.01, 0.04, 0.12)[int(random.integers(0, 3))]
            water = water - random.uniform(1.0, 6.0) / (1.0 + np.exp(-np.clip((across - edge) / soft, -30.0, 30.0)))
        return _full_size(water)

    def _spine(self, random: Random) -> Float32Array:
        """Draw a column of vertebrae with end plates, pedicles and spinous processes; cm of bone."""
        mm = self._mm * GRID_PX
        lean, x0 = random.normal(0.0, 0.12), random.uniform(-0.45, 0.45)
        across = (self._u - x0 - lean * self._v - random.normal(0.0, 0.15) * self._v**2) * mm
        along = (self._v + lean * self._u) * mm + random.uniform(0.0, 30.0)
        half, tall = random.uniform(15.0, 21.0), random.uniform(24.0, 31.0)
        part = along - tall * np.round(along / tall)
        waist = half * (0.86 + 0.14 * (2.0 * part / tall) ** 2)
        inside = 1.0 / (1.0 + np.exp(-np.clip((waist - np.abs(across)) / random.uniform(0.6, 3.0), -30.0, 30.0)))
        edge = np.exp(-0.5 * ((np.abs(across) - waist + 1.2) / 1.1) ** 2)
        disc = np.exp(-0.5 * ((np.abs(part) - 0.5 * tall) / 2.2) ** 2)
        plate = np.exp(-0.5 * ((np.abs(part) - 0.5 * tall + 3.8) / 0.9) ** 2)
        pedicle = np.hypot((np.abs(across) - 0.62 * half) / 3.8, (part + 0.15 * tall) / 5.5)
        ring = np.exp(-0.5 * ((pedicle - 1.0) / 0.22) ** 2)
        spinous = np.hypot(across / 3.2, (part - 0.22 * tall) / 7.0)
        process = np.exp(-0.5 * ((spinous - 0.9) / 0.28) ** 2)
        grain = 1.0 + random.uniform(0.0, 0.3) * self._texture(random, 2.2)
        bone = inside * (1.6 - random.uniform(0.2, 0.9) * disc + random.uniform(0.1, 0.6) * plate) * grain
        bone += random.uniform(0.1, 0.6) * edge * (1.0 - disc)
        bone += random.choice([0.0, 0.3, 0.6]) * ring + random.choice([0.0, 0.3, 0.5]) * process
        bone = np.maximum(bone, 0.0) * random.uniform(0.25, 1.0)
        return np.asarray(cv2.GaussianBlur(bone, (0, 0), random.uniform(0.5, 4.0)), np.float32)

    def _ribs(self, random: Random) -> Float32Array:
        """Curved bands with dark edges; cm of bone."""
        bone = np.zeros_like(self._u)
        px = 1.0 / self._mm
        for family in range(int(random.integers(1, 3))):
            slope, bow = random.normal(0.0, 0.45), random.normal(0.0, 0.5)
            gap, wide = random.uniform(20.0, 32.0) * px, random.uniform(6.0, 11.0) * px
            phase, dense = random.uniform(0.0, gap), random.uniform(0.12, 0.45) * (1.0 - 0.4 * family)
            hollow, rim = random.uniform(0.4, 0.95), random.uniform(2.0, 8.0)
            band = np.zeros_like(bone)
            x = np.linspace(-100.0, _FULL_PX + 100.0, 60)
            t = (x - _FULL_PX / 2) / _FULL_PX
            for k in range(-8, int(_FULL_PX / gap) + 8):
                y = k * gap + phase + _FULL_PX * (slope * t + bow * t * t) + random.normal(0.0, 2.0)
                line = np.round(np.column_stack([x, y]) * 8).astype(np.int32)
                cv2.polylines(band, [line], False, dense, max(1, int(wide)), cv2.LINE_8, 3)
                cv2.polylines(band, [line], False, hollow * dense, max(1, int(wide - rim)), cv2.LINE_8, 3)
            bone += band
        return np.asarray(cv2.GaussianBlur(bone, (0, 0), random.uniform(1.0, 4.0)))

    def _diaphragm(self, random: Random) -> Float32Array:
        """One or two domes rising from the lower edge; cm of water."""
        water = np.zeros_like(self._soft_u)
        for _ in range(int(random.integers(1, 3))):
            x0, top = random.uniform(-0.6, 0.6), random.uniform(-0.05, 0.45)
            a, b = random.uniform(0.35, 0.9), random.uniform(0.4, 0.9)
            inside = 1.0 - ((self._soft_u - x0) / a) ** 2 - ((self._soft_v - top - b) / b) ** 2
            dome = np.sqrt(
                np.clip(np.where(self._soft_v > top + b, 1.0 - ((self._soft_u - x0) / a) ** 2, inside), 0.0, 1.0)
            )
            water += random.uniform(1.5, 5.0) * dome
        return _full_size(water)

    def _heart(self, random: Random) -> Float32Array:
        """Draw a rounded shadow; cm of water more than the lung around it."""
        x0, y0 = random.normal(0.0, 0.25), random.normal(0.05, 0.2)
        self._heart_centre = (float(x0), float(y0))
        du, dv = self._soft_u - x0, self._soft_v - y0
        angle = np.arctan2(dv, du)
        size = np.full_like(du, random.uniform(0.3, 0.6))
        for k in (2, 3, 4):
            size *= 1.0 + random.normal(0.0, 0.22 / k) * np.cos(k * angle + random.uniform(0.0, 6.3))
        inside = np.clip(1.0 - (du * du + dv * dv) / (size * size), 0.0, 1.0)
        return _full_size(random.uniform(1.5, 5.0) * inside ** random.uniform(0.35, 0.7))

    def _lung_vessels(self, random: Random) -> Float32Array:
        """Faint, soft, branching lines: the commonest things that look like wires and are none."""
        lines = np.zeros_like(self._u)
        strength, sheets = random.uniform(0.3, 2.2), [np.zeros_like(lines) for _ in range(4)]
        for k in range(int(random.integers(5, 100))):
            n, heading = int(random.integers(4, 16)), random.uniform(0.0, 6.3)
            at = random.uniform(0.0, _FULL_PX, 2)
            points = [at]
            for _ in range(n):
                heading += random.normal(0.0, 0.3)
                at = at + 12.0 * np.array([math.cos(heading), math.sin(heading)])
                points.append(at)
            shift = np.round(np.array(points) * 8).astype(np.int32)
            dense = strength * random.uniform(0.01, 0.08)
            cv2.polylines(sheets[k % 4], [shift], False, dense, int(random.integers(1, 7)), cv2.LINE_8, 3)
        for sheet, blur in zip(sheets, (0.8, 1.2, 2.0, 3.5), strict=True):
            lines += cv2.GaussianBlur(sheet, (0, 0), blur)
        return np.asarray(lines)

    def _mottle(self, random: Random) -> Float32Array:
        """Draw soft spots of one size, as bunched vessels and airways give."""
        small = random.standard_normal((_FULL_PX // 4, _FULL_PX // 4), dtype=np.float32)
        small = cv2.GaussianBlur(small, (0, 0), random.uniform(0.8, 4.0))
        spots = cv2.resize(small / small.std(), (_FULL_PX, _FULL_PX), interpolation=cv2.INTER_CUBIC)
        return np.asarray(spots * random.uniform(0.0, 0.035), np.float32)

    def _on_the_patient(self, random: Random) -> Float32Array:
        """Electrodes, their cables, sternal wires and clips; none of them a device to be found."""
        things = np.zeros_like(self._u)
        if random.random() < 0.35:
            for _ in range(int(random.integers(1, 4))):
                at = (int(random.uniform(0, _FULL_PX)), int(random.uniform(0, _FULL_PX)))
                cv2.circle(things, at, int(random.integers(3, 14)), random.uniform(0.1, 0.9), -1, cv2.LINE_AA)
        if random.random() < 0.2:
            x, tall = random.uniform(0.2, 0.8) * _FULL_PX, random.uniform(50.0, 90.0)
            for k in range(8):
                y, wide = k * tall + random.uniform(-10, 10), random.uniform(9.0, 18.0)
                tilt, dense = random.uniform(-30.0, 30.0), float(random.uniform(0.4, 1.2))
                cv2.ellipse(things, ((x, y), (wide, 0.6 * wide), tilt), dense, 2, cv2.LINE_AA)
                cv2.line(things, (int(x), int(y)), (int(x + 6), int(y + 7)), dense, 2, cv2.LINE_AA)
        if random.random() < 0.15:
            for _ in range(int(random.integers(1, 7))):
                x, y = random.uniform(0.0, _FULL_PX, 2)
                dx, dy = random.normal(0.0, 5.0, 2)
                cv2.line(things, (int(x), int(y)), (int(x + dx), int(y + dy)), 0.9, 2, cv2.LINE_AA)
        if random.random() < 0.3:
            across = np.abs((self._u * math.cos(a := random.uniform(0, 3.2)) + self._v * math.sin(a)) - 0.4)
            things += (random.uniform(0.1, 0.4) * (across < random.uniform(0.003, 0.02))).astype(np.float32)
        return np.asarray(cv2.GaussianBlur(things, (0, 0), 0.8))


def _full_size(layer: FloatArray) -> Float32Array:
    """Enlarge what was drawn at half the size."""
    return np.asarray(cv2.resize(layer.astype(np.float32), (_FULL_PX, _FULL_PX), interpolation=cv2.INTER_LINEAR))


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _compose(still, lungs, heart, out, margin, lx, ly, hx, hy, zoom):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the layers: `still` in place, `lungs` moved, `heart` moved and zoomed."""
    height, width = out.shape
    rows, cols = heart.shape
    iy, ix = math.floor(ly), math.floor(lx)
    fy, fx = np.float32(ly - iy), np.float32(lx - ix)
    w00, w01 = (1 - fy) * (1 - fx), (1 - fy) * fx
    w10, w11 = fy * (1 - fx), fy * fx
    for y in range(height):
        above, below = lungs[y + iy], lungs[y + iy + 1]
        row, here = still[y + margin], out[y]
        for x in range(width):
            here[x] = (
                row[x + margin]
                + w00 * above[x + ix] + w01 * above[x + ix + 1]
                + w10 * below[x + ix] + w11 * below[x + ix + 1]
            )  # fmt: skip
        sy = min(max(hy + zoom * y, 0.0), rows - 2.0)
        jy = int(sy)
        gy = np.float32(sy - jy)
        upper, lower = heart[jy], heart[jy + 1]
        for x in range(width):
            sx = min(max(hx + zoom * x, 0.0), cols - 2.0)
            jx = int(sx)
            gx = np.float32(sx - jx)
            top = upper[jx] + gx * (upper[jx + 1] - upper[jx])
            low = lower[jx] + gx * (lower[jx + 1] - lower[jx])
            here[x] += top + gy * (low - top)
