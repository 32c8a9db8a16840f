"""Projections of a chest CT as frames of bone without any device."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from heartwire.benchmarks.accuracy.catheter_empty import EmptyRun, still_frame

Array = npt.NDArray[np.float32]

_TURNS_DEG, _TILTS_DEG = (-75.0, -40.0, -10.0, 25.0, 60.0, 90.0), (-25.0, 25.0)
_FRAMES = 5
_NOISE_GREY = (5.0, 9.0)
"""Noise of real cines, grey levels, one standard deviation."""


def _volume(path: Path) -> tuple[Array, float]:
    """Read a CT (NIfTI, uint8, HU = 12 v - 1000) at half its resolution in plane.

    Gives attenuation per mm, (head to foot, front to back, side), and the spacing along the body over that in plane.
    """
    raw = gzip.decompress(path.read_bytes())
    shape = tuple(int(n) for n in np.frombuffer(raw, "<i2", 8, 40)[1:4])
    spacing_mm = np.frombuffer(raw, "<f4", 8, 76)[1:4]
    begin = int(np.frombuffer(raw, "<f4", 1, 108)[0])
    values = np.frombuffer(raw, np.uint8, int(np.prod(shape)), begin).reshape(shape, order="F")
    body = np.ascontiguousarray(values.transpose(2, 1, 0)[::-1, ::2, ::2]).astype(np.float32)
    in_plane_mm = 2.0 * float(spacing_mm[0])
    return np.clip(body * 12.0, 0.0, None) * (2e-5 * in_plane_mm), float(spacing_mm[2]) / in_plane_mm


def project(volume: Array, slope: float, turn_deg: float, tilt_deg: float) -> npt.NDArray[np.uint8]:
    """Project a volume (n, side, side) along a direction turned about the body and tilted to its head, 512 x 512 px."""
    n, side, _ = volume.shape
    turn = cv2.getRotationMatrix2D((side / 2, side / 2), turn_deg, 1.0)
    turned = np.stack([cv2.warpAffine(each, turn, (side, side)) for each in volume])
    path = np.zeros((n, side), np.float32)
    lean = float(np.tan(np.deg2rad(tilt_deg))) / slope
    for depth in range(side):
        shift = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, lean * (depth - side / 2)]], np.float32)
        plane = np.ascontiguousarray(turned[:, depth])
        path += cv2.warpAffine(plane, shift, (side, n), borderMode=cv2.BORDER_REPLICATE)
    path /= np.float32(np.cos(np.deg2rad(tilt_deg)))
    tall = max(2, round(n * slope))
    flat = cv2.resize(path, (side, tall), interpolation=cv2.INTER_CUBIC)
    edge = min(side, tall) * 2 // 3
    top, left = (tall - edge) // 2, (side - edge) // 2
    inner = cv2.resize(flat[top : top + edge, left : left + edge], (512, 512), interpolation=cv2.INTER_CUBIC)
    low, high = np.quantile(inner, (0.01, 0.99))
    # A display curve close to the logarithm, as on cines: grey falls straight with the path's attenuation.
    image: npt.NDArray[np.uint8] = np.clip(220.0 - 180.0 * (inner - low) / (high - low), 0, 255).astype(np.uint8)
    return image


def bone_runs(path: Path) -> Iterator[EmptyRun]:
    """Project the CT and add noise that differs from frame to frame."""
    if not path.is_file():
        return
    volume, slope = _volume(path)
    random = np.random.default_rng(1)
    for turn in _TURNS_DEG:
        for tilt in _TILTS_DEG:
            still = project(volume, slope, turn, tilt).astype(np.float32)
            level = random.uniform(*_NOISE_GREY)
            frames = []
            for number in range(_FRAMES):
                # Neighbours correlated by about 0.3, as measured on real chains.
                noise = cv2.GaussianBlur(random.standard_normal(still.shape, np.float32), (0, 0), 0.6)
                noisy = still + noise * (level / noise.std())
                frames.append(still_frame(np.clip(noisy, 0, 255).astype(np.uint8), number))
            yield EmptyRun("bone, CT", f"turn {turn:g}, tilt {tilt:g}", frames)
