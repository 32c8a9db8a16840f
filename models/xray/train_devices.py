"""The device network, from recordings and simulation to the shipped ONNX and its card."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import torch

from heartwire.engine.errors import SourceError
from heartwire.models.catalogue import ModelCard
from heartwire.models.export import export, shapes_of, write_card
from heartwire.models.xray.fitting import Source, fit
from heartwire.models.xray.network import CLASSES, DeviceNet, Exported
from heartwire.models.xray.quantise import quantise
from heartwire.models.xray.scenes import Scenes
from heartwire.models.xray.simulated import SimulatedScenes
from heartwire.models.xray.validation import validate

_LOG = logging.getLogger(__name__)

NAME = "xray-devices"
SIZE_PX = 512
_DRAWN_ALONE = 0.2
"""Share of the time that goes to drawn devices alone, before simulated frames join."""
_DRAWN_SHARE = 0.72
_SIMULATED_RUNS = 300
_CALIBRATION_IMAGES = 12
_UNSEEN_SEED = 1_000_003
SETTINGS = {
    "line_threshold": 0.2,
    "tip_threshold": 0.08,
    "report_confidence": 0.1,
    "tip_error_sure_px": 1.0,
    "tip_error_unsure_px": 5.0,
}
DATA = [
    "ARCADE: 400 coronary angiograms with vessel masks, as backgrounds",
    "Danilov 2021: 43 coronary angiograms, as backgrounds",
    "one chest CT, projected along 25 directions, as backgrounds",
    "devices drawn at random; no recorded device was ever marked for training",
    f"heartwire fluoroscopy simulator, seeds 0 to {_SIMULATED_RUNS - 1}",
]
_INTENDED = (
    "Research: body and tip of catheters and guidewires in single fluoroscopy and angiography frames, darker denser, "
    "scaled whole to 512 x 512. Not a medical device."
)
_LIMITS = (
    "Trained on drawn and simulated devices only. Tips inside contrast, devices seen end on, devices thinner than "
    "about 1 px or wider than about 16 px of the 512-px image, and stents, coils or pacemaker leads are not covered. "
    "Vessels full of contrast are at times taken for catheters. Quantised with ranges that need 8-bit dot products "
    "(AVX512-VNNI, AVX-VNNI or Arm): older CPUs may saturate and lose accuracy."
)


def ship(
    network: DeviceNet, out: Path, *, seed: int, minutes: float, metrics: dict[str, float], scenes: Scenes
) -> Path:
    """Export a trained network in 8 bits with its card; gives the path of the .onnx file.

    Parameters
    ----------
    network
        Trained.
    out
        Folder for `xray-devices.onnx` and `xray-devices.toml`.
    seed, minutes, metrics
        For the card: how it was made and what it reaches.
    scenes
        Draws the images (512, 512) that set the 8-bit ranges.
    """
    path = out / f"{NAME}.onnx"
    inputs = {"image": torch.zeros(2, 1, SIZE_PX, SIZE_PX)}
    half = torch.zeros(2, 2, SIZE_PX // 2, SIZE_PX // 2)
    outputs = {"device": half, "tip": half, "tip_offset": half}
    export(Exported(network).eval(), path, inputs, list(outputs))
    draws = (scenes.draw(np.random.default_rng((_UNSEEN_SEED, seed, i))) for i in range(_CALIBRATION_IMAGES))
    quantise(path, (sample.image[0] for sample in draws))
    card = ModelCard(
        name=NAME,
        version="1",
        task="Bodies and tips of catheters and guidewires in one X-ray frame",
        sha256="",
        inputs=shapes_of(inputs),
        outputs=shapes_of(outputs),
        labels=list(CLASSES),
        settings=SETTINGS,
        data=DATA,
        split="trained on drawn and simulated devices (simulator seeds below 1,000,000)",
        seed=seed,
        command=f"heartwire train catheter --seed {seed} --minutes {minutes:g}",
        metrics=metrics,
        intended_use=_INTENDED,
        limits=_LIMITS,
    )
    write_card(card, path)
    return path


def train(data: Path, out: Path, *, seed: int = 1, minutes: float = 90.0, small: bool = False) -> Path:
    """Train, export and describe the device network; gives the path of the .onnx file.

    Parameters
    ----------
    data
        Folder of the recordings; backgrounds come from its `xray/train`.
    out
        Where weights and card go.
    seed
        Seed of everything random.
    minutes
        Training time; drawing the backgrounds, export and checks come on top.
    small
        Take a few steps on few images, recordings or not: proves the road.

    Raises
    ------
    SourceError
        If the backgrounds are absent (unless `small`).
    """
    folder = data / "xray" / "train"
    if not small and not (folder / "arcade" / "images").is_dir():
        msg = f"no backgrounds in {folder}: expected arcade/images, arcade/vessel_masks, danilov and ct"
        raise SourceError(msg)
    cv2.setNumThreads(1)
    torch.manual_seed(seed)
    minutes = 0.1 if small else minutes
    limit, runs, workers = (2, 2, 0) if small else (1000, _SIMULATED_RUNS, 1)
    scenes = Scenes(folder, limit=limit)
    network = DeviceNet()
    drawn: list[tuple[Source, float]] = [(scenes, 1.0)]
    network, steps = fit(network, drawn, seed=seed, minutes=minutes * _DRAWN_ALONE, peak_rate=2e-3, workers=workers)
    _LOG.info("drawn devices: %d steps", steps)
    simulated = SimulatedScenes(range(runs), frames=1 if small else 5)
    mixed: list[tuple[Source, float]] = [(scenes, _DRAWN_SHARE), (simulated, 1.0 - _DRAWN_SHARE)]
    rest = minutes * (1.0 - _DRAWN_ALONE)
    network, steps = fit(network, mixed, seed=seed + 1, minutes=rest, peak_rate=1.5e-3, workers=workers)
    _LOG.info("drawn and simulated devices: %d steps", steps)
    metrics = validate(network, scenes, seed=_UNSEEN_SEED, count=8 if small else 300)
    whole = Scenes(folder, size=SIZE_PX, limit=2 if small else 40)
    return ship(network, out, seed=seed, minutes=minutes, metrics=metrics, scenes=whole)
