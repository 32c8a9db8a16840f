"""The device network, from recordings and simulation to the shipped ONNX and its card."""

from __future__ import annotations

from pathlib import Path

import torch

from heartwire.models.catalogue import ModelCard
from heartwire.models.export import export, shapes_of, write_card
from heartwire.models.xray.network import CLASSES, DeviceNet, Exported

NAME = "xray-devices"
_SIZE_PX = 512
_SETTINGS = {
    "line_threshold": 0.3,
    "tip_threshold": 0.08,
    "tip_error_sure_px": 1.0,
    "tip_error_unsure_px": 8.0,
}
_INTENDED = (
    "Research: body and tip of catheters and guidewires in single fluoroscopy and angiography frames, darker denser, "
    "scaled whole to 512 x 512. Not a medical device."
)
_LIMITS = (
    "Trained on drawn and simulated devices only. Tips inside contrast, devices seen end on, devices thinner than "
    "about 1 px or wider than about 16 px of the 512-px image, and stents, coils or pacemaker leads are not covered."
)


def ship(network: DeviceNet, out: Path, *, seed: int, command: str, metrics: dict[str, float], data: list[str]) -> Path:
    """Export a trained network with its card; gives the path of the .onnx file.

    Parameters
    ----------
    network
        Trained.
    out
        Folder for `xray-devices.onnx` and `xray-devices.toml`.
    seed, command, metrics, data
        For the card: how it was made, what it reaches, what it was made from.
    """
    path = out / f"{NAME}.onnx"
    inputs = {"image": torch.zeros(2, 1, _SIZE_PX, _SIZE_PX)}
    half = torch.zeros(2, 2, _SIZE_PX // 2, _SIZE_PX // 2)
    outputs = {"device": half, "tip": half, "tip_offset": half}
    export(Exported(network).eval(), path, inputs, list(outputs))
    card = ModelCard(
        name=NAME,
        version="1",
        task="Bodies and tips of catheters and guidewires in one X-ray frame",
        sha256="",
        inputs=shapes_of(inputs),
        outputs=shapes_of(outputs),
        labels=list(CLASSES),
        settings=_SETTINGS,
        data=data,
        split="trained on drawn and simulated devices; checkpoints chosen by the worst origin of xray/dev",
        seed=seed,
        command=command,
        metrics=metrics,
        intended_use=_INTENDED,
        limits=_LIMITS,
    )
    write_card(card, path)
    return path
