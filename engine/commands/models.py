"""`heartwire models`: which models ship, whether weights and cards belong together, and models of a running engine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from heartwire.engine import shadow as shadowing
from heartwire.engine import swap_desk
from heartwire.engine.commands.run import stop_on_signal
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
    str,
    typer.Argument(help="SETTING=MODEL: the processor's setting, and a shipped name or a path, as qrs_model=a.onnx."),
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
    Console(markup=False).print(table)


@models.command()
def verify() -> None:
    """Check and load every model that ships."""
    console = Console(markup=False)
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
    console = Console(markup=False)
    changes = [change for answer in answers for change in answer.changes]
    refused = [why for answer in answers for why in answer.refused]
    for c in changes:
        line = f"{c.stream}: {c.setting} is {c.model} {c.version} ({c.sha256[:12]}) from {c.first} on, state {c.state}"
        console.print(line, soft_wrap=True)
    if refused:
        raise CommandRefused("; ".join(refused))


@models.command()
def shadow(
    run_dir: RunFolder,
    stream: Annotated[str, typer.Argument(help="Stream id.")],
    choice: Choice,
    anew: Annotated[bool, typer.Option("--anew", help="Begin without the state of the one at work.")] = False,
    seconds: Annotated[float, typer.Option(help="Stop by itself after so long; 0: with Ctrl-C.", min=0)] = 0.0,
    to: Annotated[Path | None, typer.Option("--report", help="File for the comparison as JSON.")] = None,
) -> None:
    """Let a candidate run on live data beside the model at work and compare; nothing of it is sent."""
    setting, model = swap_desk.split(choice)
    plan = swap_desk.running_plan(run_dir)
    shadowing.give_way()
    console, aside = Console(markup=False), Console(stderr=True, markup=False)
    until_s = time.monotonic() + seconds if seconds else float("inf")
    with (
        stop_on_signal() as asked,
        shadowing.Shadow(plan, stream, setting, model, anew=anew) as beside,
        aside.status("comparing") as status,
    ):
        report = beside.run(
            lambda: asked() or time.monotonic() > until_s,
            lambda now: status.update(f"{now.items} items, {now.dropped} dropped, {len(now.differences)} differences"),
        )
    if to:
        to.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    heads = ("kind", "agree", "differ", "only at work", "only candidate")
    table = Table(*heads, title=f"{report.stream}: {report.candidate} beside {report.running}")
    for kind, c in report.counts.items():
        table.add_row(kind, *(str(n) for n in (c.agree, c.differ, c.only_running, c.only_candidate)))
    console.print(table)
    for name, took in report.latency.items():
        p99 = "-" if took.p99_ms is None else f"{took.p99_ms:.2f}"
        console.print(f"{name}: {took.p50_ms:.2f} / {p99} ms p50 / p99 of {took.n} items with findings")
    console.print(f"items {report.items}, dropped {report.dropped}")
    for d in report.differences:
        console.print(f"{d.kind} at {d.place}: {d.running or '-'} / {d.candidate or '-'}", soft_wrap=True)
    for note in report.notes:
        console.print(note, soft_wrap=True)
