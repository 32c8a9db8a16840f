"""`heartwire localise`: DICOM runs, videos and images through the engine, no frame left out."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Literal, cast

import msgspec
import typer

from heartwire.engine import registry
from heartwire.engine.commands.batch import Job, run_batch
from heartwire.engine.commands.input_kind import source_kind
from heartwire.engine.errors import InputError
from heartwire.engine.messages import Item
from heartwire.engine.source import Source
from heartwire.engine.xray.localiser import Localiser
from heartwire.engine.xray.polarity import dense_is_bright


def localise(
    inputs: Annotated[
        list[Path], typer.Argument(help="DICOM file, video, folder of images or image.", metavar="INPUT...")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    overlay: Annotated[bool, typer.Option("--overlay", help="Write NAME.overlay.mp4 too.")] = False,
    dense: Annotated[
        Literal["auto", "dark", "bright"],
        typer.Option(help="What is dense in the picture as it is shown; auto: as devices are found."),
    ] = "auto",
) -> None:
    """Write where the devices are in every frame: OUT/NAME.fixes.jsonl, NAME being the input's stem."""
    names = [_name(path) for path in inputs]
    if twice := {name for name in names if names.count(name) > 1}:
        msg = f"two inputs have the name {min(twice)}: their results would overwrite each other"
        raise InputError(msg)
    finder = functools.cache(Localiser)
    kinds = {"fixes": "fixes.jsonl", **({"overlay": "overlay.mp4"} if overlay else {})}

    def plan(path: Path) -> Job:
        name, kind = _name(path), source_kind(path)
        source = registry.source(name, {"kind": kind, "path": str(path)})
        if dense == "bright" or (dense == "auto" and _looks_negative(source, finder())):
            typer.echo(f"{path}: bright is dense: its frames are inverted", err=True)
            source = msgspec.structs.replace(source, dense="bright")
        return Job(
            source=source,
            processor="xray",
            sinks=[registry.sink({"kind": kind, "out": str(out)}) for kind in kinds],
            outputs=[out / f"{name}.{suffix}" for suffix in kinds.values()],
        )

    run_batch(inputs, plan, unit="frames")


def _looks_negative(source: Source, localiser: Localiser) -> bool:
    # Not read to its end: what it holds open is let go of here.
    with contextlib.closing(cast("Generator[Item]", source.open())) as items:
        return dense_is_bright(items, localiser)


def _name(path: Path) -> str:
    """Give an input's stem; a folder's name is its own, dots and all; a link's that of the link."""
    whole = Path(os.path.abspath(path))
    return whole.name if whole.is_dir() else whole.stem
