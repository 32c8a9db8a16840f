"""What the device network is trained to make small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid

_OFFSET_WEIGHT = 1.0
_TIP_WEIGHT = 1.0


def device_loss(logits: Tensor, truth: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy plus soft Dice over the batch of the body maps (n, 2, h, w); `weight` is (n, 1, h, w)."""
    entropy = binary_cross_entropy_with_logits(logits, truth, weight=weight.expand_as(truth), reduction="none")
    # Bodies are a few per cent of the image: without more weight the net learns to stay silent.
    entropy = (entropy * (1.0 + 3.0 * truth)).mean()
    probability = torch.sigmoid(logits) * weight
    overlap = (probability * truth).sum((0, 2, 3))
    dice = 1.0 - (2.0 * overlap + 50.0) / (probability.sum((0, 2, 3)) + (truth * weight).sum((0, 2, 3)) + 50.0)
    return 5.0 * entropy + dice.mean()


def tip_loss(logits: Tensor, heat: Tensor, weight: Tensor) -> Tensor:
    """Penalty-reduced focal loss of CenterNet (Zhou 2019) on the tip heat-maps (n, 2, h, w), per tip."""
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
    """Weigh the losses of all outputs against the truth planes (n, 7, h, w) that `scenes` draws."""
    device, tip, offset = outputs
    weight = truth[:, 6:7]
    return (
        device_loss(device, truth[:, :2], weight)
        + _TIP_WEIGHT * tip_loss(tip, truth[:, 2:4], weight)
        + _OFFSET_WEIGHT * offset_loss(offset, truth[:, 4:6])
    )
