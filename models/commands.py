"""`heartwire train`: from recordings and simulation to the shipped ONNX and its card."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from heartwire.engine.errors import InputError
from heartwire.models.catalogue import WEIGHTS


def train(
    what: Annotated[Literal["beats", "rhythm", "catheter"], typer.Argument(help="Which network.")],
    data: Annotated[Path, typer.Option(help="Folder of the recordings.", envvar="HEARTWIRE_DATA")],
    out: Annotated[Path, typer.Option(help="Where weights and card go.")] = WEIGHTS,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    minutes: Annotated[float, typer.Option(help="Training time.", min=0.1)] = 45.0,
    small: Annotated[bool, typer.Option("--small", help="A minute's run that only proves the road.")] = False,
) -> None:
    """Train a network, choose its thresholds on training data, export it to ONNX and write its card."""
    if not data.is_dir():
        msg = f"--data {data} is not a folder: give the folder that holds mitdb, vfdb, xray ..."
        raise InputError(msg)
    try:
        import torch  # noqa: F401 - only to know
    except ImportError:
        msg = "training needs torch: pip install 'heartwire[train]' (or `make test-train` once)"
        raise InputError(msg) from None
    out.mkdir(parents=True, exist_ok=True)
    match what:
        case "beats":
            from heartwire.models.ecg.train_beats import train as train_network
        case "rhythm":
            from heartwire.models.ecg.train_ventricular import train as train_network
        case "catheter":
            from heartwire.models.xray.train_devices import train as train_network
    train_network(data, out, seed=seed, minutes=minutes, small=small)
