"""What the imaging chains of many makers and decades do to an image: drawn at random, wide on purpose."""

from __future__ import annotations

import cv2
import numpy as np

from heartwire.models.xray.curves import Array, log_uniform
from heartwire.models.xray.strokes import Mask


def _blur(image: Array, sigma_px: float) -> Array:
    blurred: Array = cv2.GaussianBlur(image, (0, 0), sigma_px)
    return blurred


def add_noise(rng: np.random.Generator, image: Array, sigma: float) -> None:
    """Add coloured noise of deviation `sigma` to an image (h, w) in 0..1, in place."""
    noise = rng.standard_normal(image.shape, np.float32)
    colour = rng.random()
    if colour < 0.7:
        noise = _blur(noise, rng.uniform(0.35, 1.3))
    if colour < 0.2:
        noise += 0.5 * _blur(rng.standard_normal(image.shape, np.float32), rng.uniform(1.5, 4.0)) * 4.0
    noise *= sigma / (noise.std() + 1e-6)
    if rng.random() < 0.5:
        noise *= np.sqrt(np.clip(image, 0.02, 1.0) / 0.5)
    image += noise


def field_of_view(rng: np.random.Generator, size: int) -> tuple[Array, Mask] | None:
    """Give a collimator's soft transmission (size, size) in 0..1 and its hard mask; None where the field is open."""
    if rng.random() < 0.6:
        return None
    hard = np.zeros((size, size), np.uint8)
    if rng.random() < 0.5:
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
    return _blur(hard.astype(np.float32), log_uniform(rng, 0.4, 8.0)), hard


def process(rng: np.random.Generator, image: Array, noise: float) -> Array:
    """Send an image (h, w) in 0..1 through a random chain: noise, edge enhancement, grading, coding; gives 0..255."""
    if rng.random() < 0.3:
        image = _blur(image, rng.uniform(0.4, 1.3))
    add_noise(rng, image, noise)
    if rng.random() < 0.5:
        strength = rng.uniform(0.2, 2.2) if rng.random() < 0.6 else rng.uniform(0.1, 0.7)
        image = image + strength * (image - _blur(image, rng.uniform(1.0, 5.0)))
    low, high = np.percentile(image[::4, ::4], (1.0, 99.0))
    span = max(float(high - low), 0.05)
    stretch = rng.uniform(0.0, 1.0)
    image = (image - low * stretch) / ((1.0 - stretch) + stretch * span)
    image = np.clip(image, 0.0, 1.2) ** np.float32(log_uniform(rng, 0.5, 2.0))
    image = image * rng.uniform(0.35, 1.1) + rng.uniform(-0.05, 0.2)
    graded: Array = np.clip(image * 255.0, 0.0, 255.0).astype(np.float32)
    return graded


def encode(rng: np.random.Generator, image: Array) -> Array:
    """Quantise an image in 0..255 as files do: 8 bits, at times with CLAHE and JPEG before."""
    if rng.random() < 0.15:
        return image
    grey: Mask = image.astype(np.uint8)
    if rng.random() < 0.15:
        tiles = int(rng.integers(2, 9))
        grey = np.asarray(cv2.createCLAHE(rng.uniform(1.0, 4.0), (tiles, tiles)).apply(grey), np.uint8)
    if rng.random() < 0.1:
        place = int(rng.uniform(0, 180)), int(rng.uniform(12, 250))
        text = "".join(rng.choice(list("0123456789 RLAOCU/.:"), rng.integers(3, 12)))
        cv2.putText(grey, text, place, cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.3, 0.6), int(rng.uniform(150, 256)), 1)
    if rng.random() < 0.4:
        quality = int(rng.integers(35, 96))
        coded = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        grey = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return grey.astype(np.float32)
