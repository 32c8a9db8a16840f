"""`heartwire localise`: DICOM runs, videos and images through the engine, no frame left out."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import typer

from heartwire.engine import registry
from heartwire.engine.commands.batch import Job, run_batch
from heartwire.engine.errors import InputError, SourceError
from heartwire.engine.xray.localiser import Localiser
from heartwire.engine.xray.polarity import dense_is_bright

_IMAGES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".pgm", ".jp2", ".webp"}
_VIDEOS = {
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".gif", ".ogv", ".ogg", ".flv", ".3gp",
    ".ts", ".mts", ".m2ts", ".vob", ".m2v", ".mxf",
}  # fmt: skip
_DICOM_MARK = b"DICM"
_DICOM_PREAMBLE = 128


def localise(
    inputs: Annotated[
        list[Path], typer.Argument(help="DICOM file, video, folder of images or image.", metavar="INPUT...")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    overlay: Annotated[bool, typer.Option("--overlay", help="Write NAME.overlay.mp4 too.")] = False,
    dense: Annotated[
        Literal["auto", "dark", "bright"],
        typer.Option(help="What is dense in videos and images; auto: as devices are found. DICOM says it itself."),
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
        if kind != "dicom" and (dense == "bright" or (dense == "auto" and dense_is_bright(source.open(), finder()))):
            typer.echo(f"{path}: bright is dense: its frames are inverted", err=True)
            source = msgspec.structs.replace(source, dense="bright")
        return Job(
            source=source,
            processor="xray",
            sinks=[registry.sink({"kind": kind, "out": str(out)}) for kind in kinds],
            outputs=[out / f"{name}.{suffix}" for suffix in kinds.values()],
        )

    run_batch(inputs, plan, unit="frames")


def source_kind(path: Path) -> str:
    """Tell the kind of source for an input: by what it is, then by its suffix.

    Raises
    ------
    SourceError
        If there is no such file or folder, or it is of no kind that is known.
    """
    if path.is_dir() or path.suffix.lower() in _IMAGES:
        return "images"
    if path.suffix.lower() in _VIDEOS:
        return "video"
    if path.suffix.lower() in {".dcm", ".dicom", ".ima"} or _marked(path):
        return "dicom"
    msg = f"{path}: neither DICOM nor a video, an image or a folder of images"
    raise SourceError(msg)


def _marked(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(_DICOM_PREAMBLE + len(_DICOM_MARK))[_DICOM_PREAMBLE:] == _DICOM_MARK
    except OSError as error:
        msg = f"{path}: {error.strerror}"
        raise SourceError(msg) from None


def _name(path: Path) -> str:
    """Give an input's stem; a folder's name is its own, dots and all."""
    resolved = path.resolve()
    return resolved.name if resolved.is_dir() else resolved.stem
