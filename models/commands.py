"""`heartwire train`: from recordings and simulation to the shipped ONNX and its card."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

import typer

from heartwire.engine.errors import InputError
from heartwire.models.catalogue import WEIGHTS

_TRAINING = {
    "beats": "ecg.train_beats",
    "rhythm": "ecg.train_ventricular",
    "af": "ecg.train_fibrillation",
    "alarms": "ecg.train_alarms",
    "catheter": "xray.train_devices",
}


def train(
    what: Annotated[Literal["beats", "rhythm", "af", "alarms", "catheter"], typer.Argument(help="Which model.")],
    data: Annotated[Path, typer.Option(help="Folder of the recordings.", envvar="HEARTWIRE_DATA")],
    out: Annotated[Path, typer.Option(help="Where weights and card go.")] = WEIGHTS,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 1,
    minutes: Annotated[
        float | None, typer.Option(help="Training time (catheter: 0 ships what is kept).", min=0.0)
    ] = None,
    begin_from: Annotated[
        Path | None, typer.Option(help="Catheter: folder of shipped weights to go on from.", exists=True)
    ] = None,
    small: Annotated[bool, typer.Option("--small", help="A minute's run that only proves the road.")] = False,
    settle_only: Annotated[
        bool, typer.Option("--settle-only", help="Catheter: settle thresholds and bounds of the weights in --out.")
    ] = False,
) -> None:
    """Train a model, choose its thresholds on training data, export it to ONNX and write its card."""
    if not data.is_dir():
        msg = f"--data {data} is not a folder: give the folder that holds mitdb, vfdb, cinc2015, xray ..."
        raise InputError(msg)
    if find_spec("torch") is None:
        msg = "training needs torch: pip install 'heartwire[train]'"
        raise InputError(msg)
    out.mkdir(parents=True, exist_ok=True)
    module = import_module(f"heartwire.models.{_TRAINING[what]}")
    if what != "catheter" and (settle_only or begin_from):
        msg = "--settle-only and --begin-from are for catheter: the other models are trained whole"
        raise InputError(msg)
    if settle_only:
        module.settle_only(data, out, seed=seed, small=small)
        return
    given = {"minutes": minutes, "begin_from": begin_from}
    chosen = {name: value for name, value in given.items() if value is not None}
    module.train(data, out, seed=seed, small=small, **chosen)
