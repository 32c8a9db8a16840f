"""`heartwire bench peers`."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from heartwire.benchmarks.peers import compare, ecg_speed, report, runner
from heartwire.benchmarks.peers.catalogue import OURS, Case, Peer, of_case
from heartwire.benchmarks.peers.work import Load
from heartwire.benchmarks.pipelines.own import engine_settings
from heartwire.benchmarks.scenarios.options import parse_settings
from heartwire.engine.errors import InputError

_FILE_COLUMNS = 160
_QRS = "qrs"
_QRS_S = 600.0
CASES: dict[str, tuple[Case, Load]] = {
    "ecg": ("hand-on", Load()),
    "ecg-12": ("hand-on", Load(leads=12, rate_hz=500.0, samples=20)),
    "frames": ("hand-on", Load(kind="frames", streams=1)),
    "filter": ("filter", Load(filtered=True)),
    "filter-12": ("filter", Load(filtered=True, leads=12, rate_hz=500.0, samples=20)),
    "three-steps": ("three-steps", Load(kind="frames", streams=1)),
}
_NAMES = (*CASES, _QRS)


def _told(peer: Peer, engine: list[str]) -> Peer:
    """Name heartwire's own settings beside it."""
    return replace(peer, what=", ".join([peer.what, *engine])) if peer.name == OURS and not peer.module else peer


def bench_peers(
    only: Annotated[str, typer.Option(help=f"Only these, as in ecg,filter: {', '.join(_NAMES)}.")] = "",
    seconds: Annotated[float, typer.Option(help="Signal of each run; its first second warms up.", min=1.5)] = 10.0,
    repeats: Annotated[int, typer.Option(help="Runs of each peer, in turn.", min=1)] = 3,
    engine: Annotated[
        list[str] | None, typer.Option(help="heartwire: a setting of \\[engine], as in keep_warm=true; repeatable.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
    to: Annotated[Path | None, typer.Option("--report", help="Folder for result.json and report.html.")] = None,
) -> None:
    """Give the same work to heartwire and to what others have, in one run; ratios with their spread."""
    chosen = [name.strip() for name in only.split(",") if name.strip()] or list(_NAMES)
    if unknown := set(chosen) - set(_NAMES):
        msg = f"--only {', '.join(sorted(unknown))}: known are {', '.join(_NAMES)}"
        raise InputError(msg)
    run = functools.partial(runner.run, engine=engine_settings(parse_settings(engine or [])))
    found = report.Comparisons()
    with Console(stderr=True, markup=False).status("starting") as status:
        for name, (case, load) in CASES.items():
            if name in chosen:
                load = msgspec.structs.replace(load, seconds=seconds)
                peers = [_told(peer, engine or []) for peer in of_case(case, frames=load.kind == "frames")]
                found.cases[name] = compare.measure(case, load, peers, repeats, status.update, run)
        if _QRS in chosen:
            found.ecg = ecg_speed.measure(_QRS_S, repeats, status.update)
    if to:
        report.write(found, to)
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(markup=False, width=_FILE_COLUMNS)
    for table in report.tables(found):
        console.print(table)
