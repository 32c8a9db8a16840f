"""The fitting of a network for a given time or number of steps: AdamW under a cosine, and an average of the weights."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

import torch
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from torch import nn

from heartwire.models.ecg.drawing import DEVICE

Network = TypeVar("Network", bound=nn.Module)


class Recipe(NamedTuple):
    """How to fit: learning rate at its height, steps up to there, weight decay, most weight of the old average."""

    rate: float
    warm_up: int
    decay: float
    average: float


def fit(
    make: Callable[[], Network],
    loss_of: Callable[[Network], torch.Tensor],
    recipe: Recipe,
    *,
    seed: int,
    minutes: float,
    title: str,
    steps: float = math.inf,
) -> tuple[Network, int]:
    """Fit a network on `DEVICE` for so many minutes, or so many steps where those are made sooner.

    Parameters
    ----------
    make
        Makes the network.
    loss_of
        Draws a batch and gives the network's loss on it; the network is on `DEVICE`.
    recipe
        How to fit.
    seed
        Of the weights that it begins with.
    minutes
        How long.
    title
        Shown beside the progress bar.
    steps
        How many at most.

    Returns
    -------
    The network with its averaged weights, for evaluation on the CPU, and the number of steps made.
    """
    torch.manual_seed(seed)
    network, average = make().to(DEVICE), make().to(DEVICE)
    average.load_state_dict(network.state_dict())
    optimiser = torch.optim.AdamW(network.parameters(), lr=recipe.rate, weight_decay=recipe.decay)
    begin, step, smooth = time.monotonic(), 0, 0.0
    columns = (TextColumn(title), BarColumn(), TimeElapsedColumn(), TextColumn("step {task.fields[step]}"))
    with Progress(*columns, TextColumn("loss {task.fields[loss]:.3f}")) as progress:
        task = progress.add_task("fit", total=1.0, step=0, loss=0.0)
        while (done := max(step / steps, (time.monotonic() - begin) / (minutes * 60))) < 1.0:
            for group in optimiser.param_groups:
                warm = min(1.0, (step + 1) / recipe.warm_up)
                group["lr"] = recipe.rate * warm * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-6
            loss = loss_of(network)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            step += 1
            with torch.no_grad():
                share = 1.0 - min(recipe.average, step / (step + 20))
                torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), share)
            smooth += 0.02 * (loss.item() - smooth)
            progress.update(task, completed=done, step=step, loss=smooth)
    return average.eval().cpu(), step
