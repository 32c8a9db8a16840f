"""Conditioned samples altered on the training device, so that none is seen twice the same way."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def _blurred(image: Tensor, sigma_px: Tensor) -> Tensor:
    """Blur each image (n, c, h, w) with its own Gaussian of deviation `sigma_px` (n,), at most 3 px."""
    reach = 6
    at = torch.arange(-reach, reach + 1, device=image.device, dtype=image.dtype)
    kernel = torch.exp(-0.5 * (at[None] / sigma_px[:, None].clamp(min=0.1)) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(image.shape[1], 0)
    flat = image.reshape(1, -1, *image.shape[2:])
    groups = flat.shape[1]
    flat = torch.nn.functional.conv2d(flat, kernel[:, None, :, None], padding=(reach, 0), groups=groups)
    flat = torch.nn.functional.conv2d(flat, kernel[:, None, None, :], padding=(0, reach), groups=groups)
    return flat.reshape(image.shape)


def turned(image: Tensor, truth: Tensor) -> tuple[Tensor, Tensor]:
    """Mirror and transpose a batch (n, 3, s, s) with its truth (n, 8, s / 2, s / 2), all samples alike."""
    if torch.rand(()) < 0.5:
        image, truth = image.flip(3), truth.flip(3)
        truth[:, 4] = -truth[:, 4]
    if torch.rand(()) < 0.5:
        image, truth = image.flip(2), truth.flip(2)
        truth[:, 5] = -truth[:, 5]
    if torch.rand(()) < 0.5:
        image, truth = image.transpose(2, 3), truth.transpose(2, 3)
        truth = truth[:, [0, 1, 2, 3, 5, 4, 6, 7]]
    return image, truth


def altered(image: Tensor) -> Tensor:
    """Blur or sharpen, add noise and change the contrast of each sample of a batch (n, 3, s, s), each its own way.

    What half of them or fewer get is made for these alone: blurring is dear on a CPU.
    """
    n, device = len(image), image.device

    def uniform() -> Tensor:
        return torch.rand(n, 1, 1, 1, device=device)

    gain = torch.exp(0.1 * torch.randn(n, 1, 1, 1, device=device))
    sigma = 0.3 + 1.2 * uniform() ** 2
    level = 0.08 * torch.exp(uniform() * math.log(10.0))
    same = uniform() < 0.2  # stills show one noise in all planes
    image = image.clone()
    (some,) = torch.nonzero(torch.rand(n, device=device) < 0.5, as_tuple=True)
    if len(some):
        # Below 0 it softens, above it sharpens.
        strength = (uniform() * 2.2 - 1.0)[some]
        image[some] += strength * (image[some] - _blurred(image[some], sigma[some].flatten()))
    (some,) = torch.nonzero(torch.rand(n, device=device) < 0.4, as_tuple=True)
    if len(some):
        coloured = _blurred(torch.randn_like(image[some]), sigma[some].flatten() * 0.7)
        coloured = coloured / coloured.std((1, 2, 3), keepdim=True)
        coloured = torch.where(same[some], coloured[:, :1], coloured)
        image[some] = (image[some] + level[some] * coloured) / (1.0 + level[some] ** 2).sqrt()
    return (image * gain).clamp(-5.0, 5.0)
