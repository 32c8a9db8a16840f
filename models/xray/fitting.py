"""The training loop of the X-ray networks: batches from the pool, altered, until the time is up."""

from __future__ import annotations

import copy
import logging
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from heartwire.models.xray.alteration import turned
from heartwire.models.xray.pool import Pool

_LOG = logging.getLogger(__name__)
_WARM_UP_STEPS = 200
_GOING_ON_SHARE = {"cuda": 0.4, "cpu": 0.1}
"""Of the peak rate, for who goes on: at the whole of it a short leg would lose what a long one learned."""
_AVERAGE_DECAY = 0.998
_LOOK_EVERY_STEPS = 200
_LEAST_SAMPLES = 600
_WAIT_S = 0.5
_KEEP_S = 30.0


class Kept(NamedTuple):
    """A training as it is kept on disk."""

    weights: dict[str, Tensor]
    """Averaged."""
    steps: int
    legs: list[str]
    """How long and on what machine each part of it ran."""


Network = TypeVar("Network", bound=nn.Module)


def training_device() -> torch.device:
    """Give the CUDA device where there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def machine() -> str:
    """Say in words what trains."""
    cores = f"{len(os.sched_getaffinity(0))} cores"
    return f"one {torch.cuda.get_device_name(0)}, {cores}" if torch.cuda.is_available() else cores


def _average(mean: nn.Module, network: nn.Module, step: int) -> None:
    share = 1.0 - min(_AVERAGE_DECAY, (step + 1.0) / (step + 20.0))
    with torch.no_grad():
        torch._foreach_lerp_(list(mean.parameters()), list(network.parameters()), share)
        for kept, new in zip(mean.buffers(), network.buffers(), strict=True):
            kept.copy_(new)


def fit(
    network: Network,
    loss_of: Callable[[Network, Tensor, Tensor], Tensor],
    pool: Pool,
    *,
    seed: int,
    minutes: float,
    batch: int = 12,
    peak_rate: float = 2e-3,
    without: str | None = None,
    title: str = "",
    kept: Path,
) -> None:
    """Train for a time with AdamW and a cosine rate; what is kept is the running average of the weights.

    Parameters
    ----------
    network
        Trained in place.
    loss_of
        Gives the network's loss on images (n, 3, s, s) and truth planes (n, 8, s / 2, s / 2).
    pool
        Where samples come from.
    without
        A look whose samples are left out.
    title
        Shown in the log.
    kept
        Where a `Kept` is written every half minute; what stands there is gone on from.

    Raises
    ------
    HeartwireError
        If a process that draws died.
    """
    device, step, legs = training_device(), 0, list[str]()
    if kept.is_file():
        weights, step, legs = read_kept(kept)
        network.load_state_dict(weights)
        peak_rate *= _GOING_ON_SHARE[device.type]
        _LOG.info("%s goes on from step %d", title, step)
    # Who goes on does not begin with the same samples again.
    torch.manual_seed(seed + step)
    random = np.random.default_rng((seed, step))
    begun_at = step
    network = network.train().to(device, memory_format=torch.channels_last)
    mean = copy.deepcopy(network)
    optimiser = torch.optim.AdamW(network.parameters(), lr=peak_rate, weight_decay=1e-2)
    while len(slots := pool.candidates(without)) < min(_LEAST_SAMPLES, len(pool.filled) // 2):
        pool.check()
        time.sleep(_WAIT_S)
    begin = last_kept = time.monotonic()
    recent = torch.zeros((), device=device)
    halves = device.type == "cuda" or torch.cpu._is_amx_tile_supported()
    while (done := (time.monotonic() - begin) / (60.0 * minutes)) < 1.0:
        if step % _LOOK_EVERY_STEPS == 0:
            pool.check()
            slots = pool.candidates(without)
            _LOG.info(
                "%s step %d, %.1f min, loss %.4f, %d samples", title, step, done * minutes, recent.item(), len(slots)
            )
        warm = min(1.0, (step - begun_at + 1) / _WARM_UP_STEPS)
        rate = peak_rate * warm * (0.01 + 0.495 * (1.0 + math.cos(math.pi * done)))
        for group in optimiser.param_groups:
            group["lr"] = rate
        image, truth = turned(*pool.take(random.choice(slots, batch), device))
        with torch.autocast(device.type, torch.bfloat16, enabled=halves):
            loss = loss_of(network, image, truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        _average(mean, network, step)
        recent += (loss.detach() - recent) * (0.02 if step > 50 else 0.2)
        step += 1
        if time.monotonic() - last_kept > _KEEP_S:
            last_kept = time.monotonic()
            keep(Kept(mean.state_dict(), step, [*legs, _leg(begin)]), kept)
    keep(Kept(mean.state_dict(), step, [*legs, _leg(begin)]), kept)


def _leg(begin_s: float) -> str:
    return f"{(time.monotonic() - begin_s) / 60.0:.1f} minutes on {machine()}"


def keep(kept: Kept, path: Path) -> None:
    """Write a training to `path`, whole or not at all."""
    whole = path.with_suffix(".tmp")
    torch.save(tuple(kept._replace(weights={name: value.cpu() for name, value in kept.weights.items()})), whole)
    whole.replace(path)


def read_kept(path: Path) -> Kept:
    """Read a training that was kept."""
    return Kept(*torch.load(path))
