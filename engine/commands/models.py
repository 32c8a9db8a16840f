"""`heartwire models`: which models ship, whether weights and cards belong together, and models of a running engine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from heartwire.engine import swap_desk
from heartwire.engine.errors import CommandRefused, ModelError
from heartwire.engine.inference import Model
from heartwire.models.catalogue import WEIGHTS, read_card, shipped

models = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The models that ship; swap one of a running engine, or let a candidate run beside it.",
)

RunFolder: TypeAlias = Annotated[Path, typer.Argument(help="Folder of the run (engine.run_dir).")]
Choice: TypeAlias = Annotated[
    str, typer.Argument(help="SETTING=MODEL: the processor's setting, and a shipped name or a path, as qrs_model=a.onnx.")
]


def _name(path: object) -> str:
    return str(path).removeprefix(f"{WEIGHTS}/").removesuffix(".onnx")


@models.command("list")
def list_() -> None:
    """Show the cards of the models that ship."""
    table = Table("model", "version", "task", "size", "metrics", title="Models that ship")
    for path in shipped():
        card = read_card(path)
        metrics = ", ".join(f"{k} {v:g}" for k, v in card.metrics.items())
        table.add_row(_name(path), card.version, card.task, f"{path.stat().st_size / 1e3:.0f} kB", metrics)
    Console().print(table)


@models.command()
def verify() -> None:
    """Check and load every model that ships."""
    console = Console()
    for path in shipped():
        console.print(f"{_name(path)}: sha256 matches; {Model(path).describe()}", soft_wrap=True)
    if not any(True for _ in shipped()):
        msg = f"no models in {WEIGHTS}: reinstall the package"
        raise ModelError(msg)


@models.command()
def swap(
    run_dir: RunFolder,
    stream: Annotated[str, typer.Argument(help="Stream id, or `all`: every stream that has such a model.")],
    choice: Choice,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin anew instead of handing the state over; tensors may differ then.")
    ] = False,
) -> None:
    """Swap a model of a running engine: loaded beside the one at work, switched between two messages."""
    answers = swap_desk.swap(run_dir, stream, choice, anew=anew)
    console = Console()
    changes = [change for answer in answers for change in answer.changes]
    refused = [why for answer in answers for why in answer.refused]
    for c in changes:
        line = f"{c.stream}: {c.setting} is {c.model} {c.version} ({c.sha256[:12]}) from {c.first} on, state {c.state}"
        console.print(line, soft_wrap=True)
    if refused and not (stream == "all" and changes):
        raise CommandRefused("; ".join(refused))
    for why in refused:
        console.print(why, soft_wrap=True)
