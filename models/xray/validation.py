"""How a device network does on drawn samples that it was not trained on, peak by peak."""

from __future__ import annotations

import numpy as np
import torch

from heartwire.models.xray.fitting import Source
from heartwire.models.xray.network import OFFSET_SCALE_PX, DeviceNet

_NEAR_PX = 10.0


def validate(network: DeviceNet, source: Source, *, seed: int, count: int) -> dict[str, float]:
    """Measure body overlap and the hottest tip's error on `count` samples.

    Returns
    -------
    `drawn_dice`: overlap of thresholded and true bodies of both classes together; `drawn_tip_within_10px`: share of the
    samples with a tip whose hottest peak lies within 10 px of one; `drawn_tip_median_px`: their median error.
    """
    network = network.eval()
    overlap = total = 0.0
    errors = []
    for i in range(count):
        sample = source.draw(np.random.default_rng((seed, i)))
        with torch.no_grad():
            device, tip, offset = (out[0].numpy() for out in network(torch.from_numpy(sample.image)[None]))
        known = sample.truth[6] > 0.0
        found, truth = (device.max(axis=0) > 0.0) & known, (sample.truth[:2].max(axis=0) > 0.5) & known
        overlap += 2.0 * float((found & truth).sum())
        total += float(found.sum() + truth.sum())
        heat = sample.truth[2:4].max(axis=0)
        if heat.max() < 0.5:
            continue
        _, row, column = np.unravel_index(int(tip.argmax()), tip.shape)
        # The truth's own offsets say where the nearest tip is, where there is one near.
        own, true = offset[:, row, column], sample.truth[4:6, row, column]
        errors.append(float(np.hypot(*(own - true))) * OFFSET_SCALE_PX if not np.isnan(true).any() else np.inf)
    metrics = {"drawn_dice": round(overlap / max(1.0, total), 4)}
    if errors:
        near = np.array(errors) <= _NEAR_PX
        metrics["drawn_tip_within_10px"] = round(float(near.mean()), 4)
        if near.any():
            metrics["drawn_tip_median_px"] = round(float(np.median(np.array(errors)[near])), 3)
    return metrics
