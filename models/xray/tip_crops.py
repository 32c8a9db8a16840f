"""Crops about tips, and about places without one, cut from the pool's samples for the tip network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, binary_cross_entropy_with_logits, grid_sample

from heartwire.models.xray.alteration import altered
from heartwire.models.xray.tip_network import CROP_PX, TipNet
from heartwire.models.xray.truth import OFFSET_SCALE_PX

_TIP_SHARE = 0.65
_SPREAD_PX = 3.0
_FAR_PX = 9.0
"""Up to here the coarse network's tips may be off."""


def standardised(crop: Tensor) -> Tensor:
    """Give crops (n, 1, h, w) the mean 0 and the deviation 1, each."""
    crop = crop - crop.mean((2, 3), keepdim=True)
    return crop / (crop.std((2, 3), keepdim=True) + 1e-3)


def cut(image: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Cut one crop from each sample, most about a tip that is seen.

    Parameters
    ----------
    image
        (n, 3, s, s); the current frame is cut.
    truth
        Planes (n, 8, s / 2, s / 2).

    Returns
    -------
    crop
        (n, 1, 48, 48) standardised.
    shift
        (n, 2) of the tip from the crop's middle, px of the crop.
    seen
        (n,) 1 where the crop was cut about a tip, 0 where no tip is near.
    known
        (n,) 0 where neither is sure.
    """
    n, _, side, _ = image.shape
    half = side // 2
    heat = truth[:, 2:4].amax(1)
    noise = torch.rand_like(heat)
    at_tip = torch.where(heat > 0.9, noise, torch.full_like(noise, -1.0)).flatten(1).max(1)
    body = truth[:, :2].amax(1) * (heat < 0.02)
    away = torch.where(body > 0.5, noise, 0.02 * noise).flatten(1).argmax(1)
    want = (torch.rand(n, device=image.device) < _TIP_SHARE) & (at_tip.values >= 0.0)
    cell = torch.where(want, at_tip.indices, away)
    row, column = cell // half, cell % half
    place = torch.stack([column, row], 1).float() * 2.0 + 0.5
    batch = torch.arange(n, device=image.device)
    offset = truth[batch, 4:6, row, column] * OFFSET_SCALE_PX
    tip = torch.where(want[:, None], place + torch.nan_to_num(offset), place)
    spread = torch.where(torch.rand(n, 1, device=image.device) < 0.7, _SPREAD_PX, _FAR_PX)
    middle = tip + (torch.rand(n, 2, device=image.device) * 2.0 - 1.0) * spread
    zoom = torch.exp(torch.rand(n, device=image.device) * 1.1 - 0.4)
    scale = CROP_PX / side / zoom
    centre = (middle * 2.0 + 1.0) / side - 1.0
    theta = torch.zeros(n, 2, 3, device=image.device)
    theta[:, 0, 0] = theta[:, 1, 1] = scale
    theta[:, :, 2] = centre
    grid = affine_grid(theta, [n, 1, CROP_PX, CROP_PX], align_corners=False)
    crop = grid_sample(image[:, :1].contiguous(), grid, padding_mode="border", align_corners=False)
    shift = (tip - middle) * zoom[:, None]
    weight = truth[batch, 7, row, column]
    return standardised(crop), shift, want.float(), torch.where(want, torch.ones_like(weight), weight)


def tip_loss(network: TipNet, image: Tensor, truth: Tensor) -> Tensor:
    """Laplace likelihood of the tip's distance where it is seen, plus cross entropy of its being seen."""
    crop, shift, seen, known = cut(image, truth)
    out = network(standardised(altered(crop))).float()
    distance = ((out[:, :2] - shift) ** 2).sum(1).add(1e-2).sqrt()
    log_scale = out[:, 2].clamp(-4.0, 4.0)
    # In two dimensions the density of exp(-d / b) is normalised by 1 / b^2.
    likelihood = (distance * torch.exp(-log_scale) + 2.0 * log_scale) * seen
    visible = binary_cross_entropy_with_logits(out[:, 3], seen, reduction="none") * known
    return likelihood.sum() / seen.sum().clamp(min=1.0) + visible.mean()
