"""What the device network is trained to make small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, binary_cross_entropy_with_logits, logsigmoid, max_pool2d


def device_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy plus soft Dice over the batch of the body maps (n, 2, h, w); `weight` is (n, 1, h, w)."""
    entropy = binary_cross_entropy_with_logits(logits, truth, weight=weight.expand_as(truth), reduction="none")
    # Bodies are a few per cent of the image: without more weight the net learns to stay silent.
    entropy = (entropy * (1.0 + 3.0 * truth)).mean()
    probability = torch.sigmoid(logits) * weight
    overlap = (probability * truth).sum((0, 2, 3))
    dice = 1.0 - (2.0 * overlap + 50.0) / (probability.sum((0, 2, 3)) + (truth * weight).sum((0, 2, 3)) + 50.0)
    return 5.0 * entropy + dice.mean()


def peak_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss of CenterNet (Zhou 2019) on heat-maps (n, c, h, w), per peak."""
    log_yes, log_no = logsigmoid(logits), logsigmoid(-logits)
    probability = torch.sigmoid(logits)
    peak = (heat > 0.9).float()
    hit = -((1.0 - probability) ** 2) * log_yes * peak
    false = -(probability**2) * log_no * (1.0 - heat) ** 4 * (1.0 - peak) * weight
    return (hit.sum() + false.sum()) / peak.sum().clamp(min=4.0)


def offset_loss(offset: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute error (n, 2, h, w) where the truth is not NaN."""
    known = ~torch.isnan(truth)
    error = (offset - torch.nan_to_num(truth)).abs() * known
    return error.sum() / known.sum().clamp(min=1)


def total_loss(outputs: tuple[Tensor, Tensor, Tensor], truth: Tensor) -> Tensor:
    """Weigh the losses of all outputs against the truth planes (n, 8, h / 2, w / 2) that `scenes` draws.

    Tips are asked for at a quarter of the resolution: the heat of a cell is the hottest of its four, and the mean of
    their offsets is the offset from its own centre.
    """
    fine, tip, offset = outputs
    weight = truth[:, 7:]
    tip_heat, tip_offset = max_pool2d(truth[:, 2:4], 2), avg_pool2d(truth[:, 4:6], 2)
    return (
        device_loss(fine[:, :2], truth[:, :2], weight)
        + peak_loss(tip, tip_heat, max_pool2d(weight, 2))
        + offset_loss(offset, tip_offset)
        + 0.3 * peak_loss(fine[:, 2:], truth[:, 6:7], weight)
    )
