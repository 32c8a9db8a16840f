"""`heartwire annotate`: WFDB records through the engine as fast as it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from heartwire.engine import registry
from heartwire.engine.commands.batch import Job, run_batch
from heartwire.engine.errors import InputError


def annotate(
    records: Annotated[list[Path], typer.Argument(help="WFDB records: path without suffix.", metavar="RECORD...")],
    out: Annotated[Path, typer.Option(help="Folder for the results.")],
    annotator: Annotated[str, typer.Option(help="Suffix of the annotation files, letters only.")] = "hw",
    message_ms: Annotated[float, typer.Option(help="Signal in one message.")] = 100.0,
    stage: Annotated[
        Literal["confirmed", "revised"],
        typer.Option(help="Class of a beat: as told with it, or as revised once the next beat is known."),
    ] = "revised",
    lead: Annotated[list[str] | None, typer.Option(help="Take this signal alone; may be repeated.")] = None,
) -> None:
    """Write beats, rhythms and warnings of ECG records: OUT/RECORD.hw and OUT/RECORD.warnings.jsonl."""
    paths = [path.with_suffix("") if path.suffix in {".hea", ".dat"} else path for path in records]
    names = [path.name for path in paths]
    if twice := {name for name in names if names.count(name) > 1}:
        msg = f"two records have the name {min(twice)}: their results would overwrite each other"
        raise InputError(msg)

    def plan(path: Path) -> Job:
        source = {"kind": "wfdb", "record": str(path), "message_ms": message_ms, "leads": lead or []}
        return Job(
            source=registry.source(path.name, source),
            processor="ecg",
            sinks=[
                registry.sink({"kind": "wfdb", "out": str(out), "annotator": annotator, "stage": stage}),
                registry.sink({"kind": "warnings", "out": str(out)}),
            ],
            outputs=[out / f"{path.name}.{annotator}", out / f"{path.name}.warnings.jsonl"],
        )

    run_batch(paths, plan, unit="samples")
