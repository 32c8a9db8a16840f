"""The training loop: samples drawn in one process, steps taken in another, until the time is up."""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from heartwire.models.xray.losses import total_loss
from heartwire.models.xray.network import DeviceNet
from heartwire.models.xray.scenes import Sample

_LOG = logging.getLogger(__name__)
_WARM_UP_STEPS = 100
_AVERAGE_DECAY = 0.997


class Source(Protocol):
    """Draws samples."""

    def draw(self, rng: np.random.Generator) -> Sample:
        """Draw one sample; the generator decides everything."""
        ...


class Mixture(IterableDataset):  # type: ignore[misc]
    """An endless series of samples, each from one of several sources.

    Parameters
    ----------
    sources
        Source and its share.
    seed
        Sample i is drawn with the generator of (seed, i).
    """

    def __init__(self, sources: list[tuple[Source, float]], seed: int) -> None:
        self.sources = sources
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        cv2.setNumThreads(1)
        shares = np.array([share for _, share in self.sources])
        i = 0
        while True:
            rng = np.random.default_rng((self.seed, i))
            source = self.sources[rng.choice(len(shares), p=shares / shares.sum())][0]
            sample = source.draw(rng)
            yield torch.from_numpy(sample.image), torch.from_numpy(sample.truth)
            i += 1


def _average(mean: DeviceNet, network: DeviceNet, step: int) -> None:
    decay = min(_AVERAGE_DECAY, (step + 1.0) / (step + 20.0))
    with torch.no_grad():
        for kept, new in zip(mean.state_dict().values(), network.state_dict().values(), strict=True):
            if kept.dtype.is_floating_point:
                kept.lerp_(new, 1.0 - decay)
            else:
                kept.copy_(new)


def fit(
    network: DeviceNet,
    sources: list[tuple[Source, float]],
    *,
    seed: int,
    minutes: float,
    batch: int = 12,
    peak_rate: float = 2e-3,
    checkpoint: Callable[[DeviceNet], None] | None = None,
    checkpoint_minutes: float = 5.0,
    workers: int = 1,
) -> tuple[DeviceNet, int]:
    """Train for a time with AdamW and a cosine rate; gives the running average of the weights and the steps taken.

    Parameters
    ----------
    network
        Trained in place.
    sources
        Where samples come from, with their shares.
    checkpoint
        Called with the averaged network every `checkpoint_minutes`.
    workers
        Processes that draw; 0 draws in this one.
    """
    network = network.train().to(memory_format=torch.channels_last)
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=peak_rate, weight_decay=1e-2)
    # A forked process would inherit locks of OpenCV's threads and hang.
    how = "spawn" if workers else None
    loader = DataLoader(Mixture(sources, seed), batch, num_workers=workers, multiprocessing_context=how)
    begin = last = time.monotonic()
    recent = 0.0
    step = 0
    for step, (image, truth) in enumerate(loader):
        now = time.monotonic()
        done = (now - begin) / (60.0 * minutes)
        if done >= 1.0:
            break
        rate = (
            peak_rate * min(1.0, (step + 1) / _WARM_UP_STEPS) * (0.01 + 0.99 * 0.5 * (1.0 + math.cos(math.pi * done)))
        )
        for group in optimiser.param_groups:
            group["lr"] = rate
        loss = total_loss(network(image.contiguous(memory_format=torch.channels_last)), truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _average(mean, network, step)
        recent += (loss.item() - recent) * (0.02 if step > 50 else 0.2)
        if step % 100 == 0:
            _LOG.info("step %d, %.1f min, loss %.4f", step, (now - begin) / 60.0, recent)
        if checkpoint is not None and now - last > 60.0 * checkpoint_minutes:
            checkpoint(mean)
            last = now
    return mean.eval(), step
