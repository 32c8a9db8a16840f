"""`heartwire train catheter`: the device and the tip network, from recordings and simulation to ONNX and cards."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from heartwire.engine.errors import HeartwireError, InputError, SourceError
from heartwire.models.xray.alteration import altered
from heartwire.models.xray.backgrounds import Backgrounds
from heartwire.models.xray.fitting import Kept, fit, keep, read_kept, training_device
from heartwire.models.xray.losses import total_loss
from heartwire.models.xray.network import DeviceNet
from heartwire.models.xray.pool import Pool, Sources, capacity, fill, forking, start_drawing
from heartwire.models.xray.scenes import CROP_PX, Scenes
from heartwire.models.xray.shipped import read_shipped
from heartwire.models.xray.shipping import DEVICES, SIZE_PX, TIPS, settle_shipped, ship_devices, ship_tips
from heartwire.models.xray.simulated import SimulatedScenes
from heartwire.models.xray.tip_crops import tip_loss
from heartwire.models.xray.tip_network import TipNet
from heartwire.models.xray.validation import look_drop, validate_devices, validate_tips

_LOG = logging.getLogger(__name__)

_SIMULATED_RUNS = 2000
_DRAWN_SHARE = 0.7
_TIP_MINUTES = 0.15
"""Share of the time that the tip network gets where networks are trained one after another."""
_UNSEEN_SEED = 1_000_003
_LOOKED_AT = 384
"""Samples that the statistics of shipped weights are taken from."""
LEFT_OUT = ("film", "intensifier", "electrode-catheter")
"""A vendor's chain, an era and a kind of device: on a GPU each is left out of a training of its own."""


class Budget(NamedTuple):
    """How much is drawn and taken at once."""

    capacity: int
    batch: int
    tip_batch: int
    workers: int
    checked: int
    frames: int


def _budget(*, small: bool) -> Budget:
    if small:
        return Budget(24, 4, 8, 0, 12, 6)
    if torch.cuda.is_available():
        return Budget(capacity(100_000, CROP_PX), 48, 128, max(1, len(os.sched_getaffinity(0)) - 4), 3000, 1500)
    return Budget(capacity(6000, CROP_PX), 24, 64, 1, 600, 1500)


def devices_loss(network: DeviceNet, image: Tensor, truth: Tensor) -> Tensor:
    """Give the device network's loss on a batch."""
    fine, tip, offset = network(altered(image).contiguous(memory_format=torch.channels_last))
    return total_loss((fine.float(), tip.float(), offset.float()), truth)


class Job(NamedTuple):
    """One network to fit."""

    name: str
    make: Callable[[], nn.Module]
    loss: Callable[..., Tensor]
    batch: int
    peak_rate: float
    share: float
    without: str | None = None


def _run(job: Job, pool: Pool, seed: int, minutes: float, path: Path) -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(seed)
    fit(
        job.make(), job.loss, pool, seed=seed, minutes=minutes, batch=job.batch, peak_rate=job.peak_rate,
        without=job.without, title=job.name, kept=path,
    )  # fmt: skip


def fit_all(jobs: Sequence[Job], pool: Pool, folder: Path, *, seed: int, minutes: float) -> None:
    """Fit networks: side by side on a GPU, which one alone leaves idle; on a CPU one after another.

    Parameters
    ----------
    folder
        Where the weights of each are kept meanwhile; an interrupted training goes on from what it finds there.

    Raises
    ------
    HeartwireError
        If a process died.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{job.name}.pt" for job in jobs]
    if torch.cuda.is_available():
        context = forking()
        processes = [
            context.Process(target=_run, args=(job, pool, seed, minutes, path))
            for job, path in zip(jobs, paths, strict=True)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        if died := [job.name for job, process in zip(jobs, processes, strict=True) if process.exitcode]:
            msg = f"the training of {', '.join(died)} died: run the command again to go on from {folder}"
            raise HeartwireError(msg)
    else:
        for job, path in zip(jobs, paths, strict=True):
            _run(job, pool, seed, minutes * job.share, path)


def _fitted(jobs: Sequence[Job], folder: Path) -> dict[str, tuple[nn.Module, Kept]]:
    """Give the networks that a folder keeps, by name."""
    fitted = {}
    for job in jobs:
        path = folder / f"{job.name}.pt"
        if path.is_file():
            kept = read_kept(path)
            network = job.make()
            network.load_state_dict(kept.weights)
            fitted[job.name] = (network.eval(), kept)
    return fitted


def sources(backgrounds: Backgrounds, runs: range, *, size: int = CROP_PX) -> Sources:
    """Give what draws samples of a side of `size` px, on these backgrounds and from simulated runs of these seeds."""
    simulated = SimulatedScenes(runs, size=size)
    return [(Scenes(backgrounds, size=size), _DRAWN_SHARE), (simulated, 1.0 - _DRAWN_SHARE)]


def train(
    data: Path, out: Path, *, seed: int = 1, minutes: float = 90.0, small: bool = False, begin_from: Path | None = None
) -> Path:
    """Train, export and describe both networks; gives the path of the device network's .onnx file.

    Parameters
    ----------
    data
        Folder of the recordings; backgrounds come from its `xray/train`.
    out
        Where weights and cards go.
    seed
        Seed of everything random.
    minutes
        Training time; reading the backgrounds, export and checks come on top. A training that was interrupted goes on
        from what it kept in `out`, for as long again; with 0 what was kept there, by another machine say, ships. On a
        GPU the networks that leave a look out are fitted beside the ones that ship.
    small
        Take a few steps on few images, recordings or not: proves the road.
    begin_from
        A folder of shipped weights, from which the two networks begin where nothing was kept in `out`. None that leaves
        a look out is fitted then: what ships has seen them all.

    Raises
    ------
    InputError
        If `minutes` is 0 and nothing was kept, or nothing ships in `begin_from`.
    SourceError
        If the backgrounds are absent (unless `small`).
    """
    meanwhile = out / f"catheter-training-{seed}"
    if not minutes and not (meanwhile / "devices.pt").is_file():
        msg = f"--minutes 0 ships what an earlier training kept, but there is no {meanwhile}/devices.pt"
        raise InputError(msg)
    folder = data / "xray" / "train"
    if not small and not (folder / "arcade" / "images").is_dir():
        msg = f"no backgrounds in {folder}: expected arcade/images, arcade/vessel_masks, danilov and ct"
        raise SourceError(msg)
    cv2.setNumThreads(1)
    budget = _budget(small=small)
    minutes = 0.1 if small else minutes
    limit, runs = (2, 2) if small else (1000, _SIMULATED_RUNS)
    backgrounds = Backgrounds(folder, limit=limit)
    never_drawn = range(runs, 2 * runs)
    jobs = [
        Job("devices", DeviceNet, devices_loss, budget.batch, 2e-3, 1.0 - _TIP_MINUTES),
        Job("tips", TipNet, tip_loss, budget.tip_batch, 2e-3, _TIP_MINUTES),
    ]
    left_out = [Job(f"without-{look}", DeviceNet, devices_loss, budget.batch, 2e-3, 0.0, look) for look in LEFT_OUT]
    if minutes:
        drawn = sources(backgrounds, range(runs))
        if begin_from is not None:
            _begin(jobs, begin_from, drawn, meanwhile, seed)
        beside = left_out if torch.cuda.is_available() and begin_from is None else []
        _train([*jobs, *beside], drawn, budget, meanwhile, seed=seed, minutes=minutes)
    fitted = _fitted([*jobs, *left_out], meanwhile)
    unseen = Pool(budget.checked, CROP_PX, shared=False)
    fill(unseen, sources(backgrounds, never_drawn), _UNSEEN_SEED)
    device = training_device()
    devices, tips = fitted["devices"][0], fitted["tips"][0]
    assert isinstance(devices, DeviceNet)
    assert isinstance(tips, TipNet)
    metrics = {"steps": float(fitted["devices"][1].steps)} | validate_devices(devices, unseen, device)
    for job in left_out:
        if job.without and job.name in fitted:
            other = fitted[job.name][0]
            assert isinstance(other, DeviceNet)
            metrics |= look_drop(devices, other, job.without, unseen, device)
    tip_metrics = {"steps": float(fitted["tips"][1].steps)} | validate_tips(tips, unseen, device)
    command = f"heartwire train catheter --data DATA --seed {seed}: {', then '.join(fitted['devices'][1].legs)}"
    drawn = sources(backgrounds, never_drawn, size=SIZE_PX)
    ship_tips(tips.cpu(), out, seed=seed, command=command, metrics=tip_metrics, drawn=drawn)
    path = ship_devices(
        devices.cpu(), out, seed=seed, command=command, metrics=metrics, drawn=drawn, frames=budget.frames
    )
    shutil.rmtree(meanwhile)
    return path


def settle_only(data: Path, out: Path, *, seed: int = 1, small: bool = False) -> Path:
    """Settle confidences, thresholds and bounds anew for the networks in `out`, as the last stage of `train` does.

    Raises
    ------
    ModelError
        If `out` does not hold both networks.
    """
    cv2.setNumThreads(1)
    budget = _budget(small=small)
    limit, runs = (2, 2) if small else (1000, _SIMULATED_RUNS)
    backgrounds = Backgrounds(data / "xray" / "train", limit=limit)
    drawn = sources(backgrounds, range(runs, 2 * runs), size=SIZE_PX)
    return settle_shipped(out, drawn, seed=seed, frames=budget.frames)


def _begin(jobs: Sequence[Job], shipped: Path, drawn: Sources, folder: Path, seed: int) -> None:
    """Keep what ships, as if its training had been interrupted, where nothing is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    pool = Pool(_LOOKED_AT, CROP_PX, shared=False)
    for job, name in zip(jobs, (DEVICES, TIPS), strict=True):
        path = folder / f"{job.name}.pt"
        if path.is_file():
            continue
        if not pool.filled.all():
            fill(pool, drawn, seed)

        def show(network: nn.Module, job: Job = job) -> None:
            for slots in np.array_split(pool.candidates(None), _LOOKED_AT // job.batch):
                job.loss(network, *pool.take(slots, torch.device("cpu")))

        keep(read_shipped(job.make(), shipped / "gpu" / f"{name}.onnx", show), path)


def _train(jobs: Sequence[Job], drawn: Sources, budget: Budget, folder: Path, *, seed: int, minutes: float) -> None:
    """Draw a pool and fit networks from it."""
    pool = Pool(budget.capacity, CROP_PX, shared=bool(budget.workers))
    if not budget.workers:
        fill(pool, drawn, seed)
        fit_all(jobs, pool, folder, seed=seed, minutes=minutes)
        return
    drawers = start_drawing(pool, drawn, time.time_ns() if folder.is_dir() else seed, budget.workers)
    fit_all(jobs, pool, folder, seed=seed, minutes=minutes)
    for drawer in drawers:
        drawer.terminate()
