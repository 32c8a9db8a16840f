"""`heartwire models`: which models ship, and whether weights and cards belong together."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from heartwire.engine.errors import ModelError
from heartwire.engine.inference import Model
from heartwire.models.catalogue import WEIGHTS, read_card, shipped


def _name(path: object) -> str:
    return str(path).removeprefix(f"{WEIGHTS}/").removesuffix(".onnx")


def models(
    action: Annotated[str, typer.Argument(help="`list`: the cards; `verify`: check and load every model.")] = "list",
) -> None:
    """Show the models that ship, or verify them."""
    if action not in ("list", "verify"):
        msg = f"`{action}` is not `list` or `verify`"
        raise typer.BadParameter(msg)
    console = Console()
    if action == "verify":
        for path in shipped():
            console.print(f"{_name(path)}: sha256 matches; {Model(path).describe()}", soft_wrap=True)
        if not any(True for _ in shipped()):
            msg = f"no models in {WEIGHTS}: reinstall the package"
            raise ModelError(msg)
        return
    table = Table("model", "version", "task", "size", "metrics", title="Models that ship")
    for path in shipped():
        card = read_card(path)
        metrics = ", ".join(f"{k} {v:g}" for k, v in card.metrics.items())
        table.add_row(_name(path), card.version, card.task, f"{path.stat().st_size / 1e3:.0f} kB", metrics)
    console.print(table)
