"""How the X-ray networks do on drawn samples that they were not trained on."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from heartwire.models.xray.network import DeviceNet
from heartwire.models.xray.pool import LOOKS, Pool
from heartwire.models.xray.tip_crops import cut
from heartwire.models.xray.tip_network import TipNet
from heartwire.models.xray.truth import OFFSET_SCALE_PX

NEAR_PX = 10.0
_BATCH = 50


def _batches(pool: Pool, device: torch.device) -> list[tuple[Tensor, Tensor]]:
    slots = pool.candidates(None)
    return [pool.take(slots[i : i + _BATCH], device) for i in range(0, len(slots), _BATCH)]


def tip_errors_px(network: DeviceNet, pool: Pool, device: torch.device) -> npt.NDArray[np.float64]:
    """Give the error of each sample's hottest tip, px; infinite where none is near, NaN where there is no tip."""
    network = network.eval().to(device)
    errors = []
    for image, truth in _batches(pool, device):
        with torch.no_grad():
            _, tip, offset = network(image)
        n, _, _, w = tip.shape
        cell = tip.amax(1).flatten(1).argmax(1)
        row, column = cell // w, cell % w
        batch = torch.arange(n, device=device)
        # The truth's own offsets say where the nearest tip is, where there is one near.
        true = torch.nn.functional.avg_pool2d(truth[:, 4:6], 2)[batch, :, row, column]
        error = (offset[batch, :, row, column] - true).square().sum(1).sqrt() * OFFSET_SCALE_PX
        error = torch.where(torch.isnan(error), torch.inf, error)
        has_tip = truth[:, 2:4].amax((1, 2, 3)) > 0.5
        errors.append(torch.where(has_tip, error, torch.nan).cpu().numpy())
    return np.concatenate(errors).astype(np.float64)


def validate_devices(network: DeviceNet, pool: Pool, device: torch.device) -> dict[str, float]:
    """Measure body overlap and the hottest tip's error on the samples of a pool.

    Returns
    -------
    `drawn_dice`: overlap of thresholded and true bodies of both classes together; `drawn_tip_within_10px`: share of the
    samples with a tip whose hottest peak lies within 10 px of one; `drawn_tip_median_px`: their median error.
    """
    network = network.eval().to(device)
    overlap = total = 0.0
    for image, truth in _batches(pool, device):
        with torch.no_grad():
            fine, _, _ = network(image)
        known = truth[:, 7] > 0.0
        found, true = (fine[:, :2].amax(1) > 0.0) & known, (truth[:, :2].amax(1) > 0.5) & known
        overlap += 2.0 * float((found & true).sum())
        total += float(found.sum() + true.sum())
    errors = tip_errors_px(network, pool, device)
    errors = errors[~np.isnan(errors)]
    metrics = {"drawn_dice": round(overlap / max(1.0, total), 4)}
    if len(errors):
        metrics["drawn_tip_within_10px"] = round(float((errors <= NEAR_PX).mean()), 4)
        metrics["drawn_tip_median_px"] = round(float(np.median(errors)), 3)
    return metrics


def look_drop(network: DeviceNet, other: DeviceNet, look: str, pool: Pool, device: torch.device) -> dict[str, float]:
    """Compare a network with one that was trained without a look, on the pool's samples of that look.

    Returns
    -------
    `LOOK_tip_within_10px` and `LOOK_left_out_tip_within_10px`.
    """
    mine = (pool.looks.numpy() & (1 << LOOKS.index(look))) != 0
    name = look.replace("-", "_")
    figures = {}
    for key, judged in ((f"{name}_tip_within_10px", network), (f"{name}_left_out_tip_within_10px", other)):
        errors = tip_errors_px(judged, pool, device)[mine[pool.candidates(None)]]
        errors = errors[~np.isnan(errors)]
        if len(errors):
            figures[key] = round(float((errors <= NEAR_PX).mean()), 4)
    return figures


def validate_tips(network: TipNet, pool: Pool, device: torch.device, *, rounds: int = 4) -> dict[str, float]:
    """Measure the tip network on crops of a pool's samples.

    Returns
    -------
    `refined_tip_median_px`: median error in px of the crop; `tip_bound_factor`: the 95 % quantile of error over stated
    scale, by which the scale becomes a bound; `tip_seen_sensitivity`, `tip_seen_specificity`: visibility at 0.5.
    """
    network = network.eval().to(device)
    torch.manual_seed(0)
    ratios, errors, seen_said = [], [], []
    for _ in range(rounds):
        for image, truth in _batches(pool, device):
            crop, shift, seen, known = cut(image, truth)
            with torch.no_grad():
                out = network(crop)
            error = (out[:, :2] - shift).square().sum(1).sqrt()
            mine = seen > 0.5
            errors.append(error[mine].cpu().numpy())
            ratios.append((error / torch.exp(out[:, 2]))[mine].cpu().numpy())
            sure = known > 0.5
            seen_said.append(torch.stack([seen, (out[:, 3] > 0.0).float()], 1)[sure].cpu().numpy())
    said = np.concatenate(seen_said)
    figures = {
        "tip_seen_sensitivity": round(float(said[said[:, 0] > 0.5, 1].mean()), 4),
        "tip_seen_specificity": round(1.0 - float(said[said[:, 0] < 0.5, 1].mean()), 4),
    }
    joined = np.concatenate(errors)
    if len(joined):
        figures["refined_tip_median_px"] = round(float(np.median(joined)), 3)
        figures["tip_bound_factor"] = round(float(np.quantile(np.concatenate(ratios), 0.95)), 3)
    return figures
