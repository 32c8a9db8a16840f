"""`heartwire bench` and `heartwire evaluate`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec
import typer
from rich.console import Console, RenderableType
from rich.progress import Progress

from heartwire.benchmarks import analysis, gpu, gpu_tables, handover, journal, networks, screens, swap
from heartwire.benchmarks.accuracy import (
    af_page,
    af_run,
    alarms_run,
    catheter_page,
    catheter_run,
    catheter_tables,
    cinc2015_run,
    false_alarms_run,
    mitdb_run,
    mitdb_tables,
    nstdb_run,
    nstdb_tables,
    rhythms_run,
    vf_run,
)
from heartwire.benchmarks.accuracy.mitdb_page import mitdb_page
from heartwire.benchmarks.accuracy.nstdb_page import nstdb_page
from heartwire.benchmarks.peers.command import bench_peers
from heartwire.benchmarks.scenarios.commands import measure_paced, numbers, register
from heartwire.engine.errors import HeartwireError, InputError
from heartwire.engine.worker import BATCH

Found = TypeVar("Found")
_FILE_COLUMNS = 140
"""Width of tables that go to a file or a pipe."""

bench = typer.Typer(
    name="bench",
    help="Measure latency, scale and the screens, of heartwire or of your own pipeline.",
    no_args_is_help=True,
)


register(bench)


@bench.command("gpu")
def bench_gpu(
    to: Annotated[
        Path | None, typer.Option("--report", help="Folder for gpu.json, and result.json and report.html of latency.")
    ] = None,
    seconds: Annotated[float, typer.Option(help="Signal of the latency benchmark.", min=5)] = 120.0,
    runs: Annotated[int, typer.Option(help="Runs of each model, and frames.", min=10)] = 700,
    scored: Annotated[int, typer.Option(help="Simulated runs in which tips are sought on both.", min=1)] = 10,
    device: Annotated[
        Literal["cuda", "tensorrt"], typer.Option("--on", help="What is compared with the CPU.")
    ] = "cuda",
) -> None:
    """On a CUDA machine: outputs and times of every model on GPU and CPU, then the latency benchmark."""
    aside = Console(stderr=True, markup=False)
    with aside.status("comparing") as status:
        result = gpu.measure(status.update, device=device, runs=runs, scored_runs=scored)
    if to:
        to.mkdir(parents=True, exist_ok=True)
        (to / "gpu.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(markup=False, width=_FILE_COLUMNS)
    for table in gpu_tables.tables(result):
        console.print(table)
    gpu.check(result)
    measure_paced(seconds, to)


def _show(found: Found, table: Callable[[Found], RenderableType], *, json: bool) -> None:
    """Print what was measured, as JSON or as a table."""
    if json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
    else:
        Console(markup=False).print(table(found))


@bench.command("screens")
def bench_screens(
    beds: Annotated[int, typer.Option(help="Beds on the page.", min=1, max=64)] = 16,
    crowd: Annotated[int, typer.Option(help="Viewers at once.", min=1, max=60)] = 20,
    seconds: Annotated[
        float, typer.Option(help="Length of each of the three phases; two of them in turns of 5 s.", min=5)
    ] = 50.0,
    message_ms: Annotated[float, typer.Option(help="Length of a message.", min=4, max=1000)] = 40.0,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Measure the page in Chromium, what it costs the server, and what a crowd of viewers costs the engine."""
    with Console(stderr=True, markup=False).status("starting") as status:
        found = screens.measure(beds, crowd, seconds, status.update, message_ms)
    _show(found, screens.table, json=json)


@bench.command("journal")
def bench_journal(
    folder: Annotated[Path, typer.Option(help="Where the journal would be: its disk is measured.")] = Path(),
    times: Annotated[int, typer.Option(help="Commits of each size, and alarms.", min=10)] = 500,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Measure what writing alarms before they are sent costs them, and other streams."""
    cost = journal.measure(folder, times)
    _show(cost, journal.table, json=json)


@bench.command("handover")
def bench_handover(
    seconds: Annotated[float, typer.Option(help="Length of each size of frame.", min=0.1)] = 20.0,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Measure what handing a frame to another process takes, by the bus and by bare shared memory."""
    found = handover.measure(seconds)
    _show(found, handover.table, json=json)


@bench.command("analysis")
def bench_analysis(
    sizes: Annotated[str, typer.Option(help="Numbers of beds, each measured in turn.")] = "10,50,100,250,500",
    turns: Annotated[int, typer.Option(help="Seconds of signal at each size.", min=1)] = 9,
    batch: Annotated[int, typer.Option(help="Most beds side by side.", min=1, max=BATCH)] = BATCH,
    rate_hz: Annotated[float, typer.Option(help="Sampling rate.", min=100, max=2000)] = 250.0,
    leads: Annotated[int, typer.Option(help="Leads of each bed.", min=1, max=12)] = 2,
    message_ms: Annotated[float, typer.Option(help="ECG in one message.", min=4, max=2000)] = 100.0,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Measure what the analysis of one message costs, without sockets, by the number of beds."""
    load = msgspec.structs.replace(analysis.LOAD, rate_hz=rate_hz, leads=leads, message_ms=message_ms)
    beds = [round(n) for n in numbers("sizes", sizes)]
    if not beds or min(beds) < 1:
        msg = f"--sizes {sizes!r}: expected numbers of beds, each at least 1"
        raise InputError(msg)
    with Console(stderr=True, markup=False).status("starting") as status:
        cost = analysis.measure(beds, turns, batch, load, status.update)
    _show(cost, analysis.table, json=json)


@bench.command("networks")
def bench_networks(
    runs: Annotated[int, typer.Option(help="Runs of each network at each batch.", min=8)] = 60,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Measure what a row of each network of the ECG costs by its batch, compiled and as ONNX Runtime runs it."""
    _show(networks.measure(runs=runs), networks.table, json=json)


@bench.command("swap")
def bench_swap(
    beds: Annotated[int, typer.Option(help="ECG streams.", min=1, max=256)] = 8,
    swaps: Annotated[int, typer.Option(help="Swaps of all beds; growth of memory needs more than 20.", min=1)] = 40,
    quiet_s: Annotated[float, typer.Option(help="Measured before the first swap.", min=5)] = 40.0,
    json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Swap models under a paced load: latency during swaps against without, nothing dropped, no growth of memory."""
    with Console(stderr=True, markup=False).status("starting") as status:
        result = swap.measure(beds, swaps, quiet_s, status.update)
    _show(result, swap.table, json=json)
    if not result.valid:
        msg = f"the run is invalid: {'; '.join(result.invalid_because)}"
        raise HeartwireError(msg)


bench.command("peers")(bench_peers)


def evaluate(
    what: Annotated[
        Literal["mitdb", "nstdb", "vf", "af", "rhythms", "cinc2015", "alarms", "false-alarms", "catheter"],
        typer.Argument(help="Which figures."),
    ],
    data: Annotated[
        Path, typer.Option(help="Folder of the recordings; alarms needs none.", envvar="HEARTWIRE_DATA")
    ] = Path(),
    out: Annotated[
        Path | None, typer.Option(help="Keep what the engine wrote, result.json and (where there is one) report.html.")
    ] = None,
    records: Annotated[str, typer.Option(help="mitdb, nstdb, rhythms: only these records, as in 100,101.")] = "",
    peers: Annotated[bool, typer.Option(help="mitdb, nstdb, catheter: run what others have, where installed.")] = True,
) -> None:
    """Accuracy of the whole engine on public recordings, in the figures of the field."""
    if not data.is_dir():
        msg = f"--data {data} is not a folder: give the folder that holds mitdb, nstdb, vfdb, cinc2015, xray ..."
        raise InputError(msg)
    if records and what not in ("mitdb", "nstdb", "rhythms"):
        msg = f"--records chooses records of mitdb and nstdb: evaluate {what} takes them all"
        raise InputError(msg)
    if out:
        out.mkdir(parents=True, exist_ok=True)
    chosen = [name.strip() for name in records.split(",") if name.strip()]
    page = ""
    tables: Iterable[RenderableType]
    aside = Console(stderr=True, markup=False)
    with Progress(console=aside, disable=not aside.is_terminal) as progress:
        match what:
            case "mitdb":
                beats = mitdb_run.evaluate(data, progress, records=chosen, peers=peers, keep=out)
                result, tables, page = msgspec.json.encode(beats), mitdb_tables.tables(beats), mitdb_page(beats)
            case "nstdb":
                noise = nstdb_run.evaluate(data, progress, records=chosen, peers=peers, keep=out)
                result, tables, page = msgspec.json.encode(noise), nstdb_tables.tables(noise), nstdb_page(noise)
            case "vf":
                alarms = vf_run.evaluate(data, progress)
                result, tables = msgspec.json.encode(alarms), vf_run.tables(alarms)
            case "af":
                atrial = af_run.evaluate(data, progress)
                result, tables, page = msgspec.json.encode(atrial), af_page.tables(atrial), af_page.af_page(atrial)
            case "rhythms":
                rhythms = rhythms_run.evaluate(data, progress, records=chosen)
                result, tables = msgspec.json.encode(rhythms), rhythms_run.tables(rhythms)
            case "cinc2015":
                judged = cinc2015_run.evaluate(data, progress)
                result, tables = msgspec.json.encode(judged), cinc2015_run.tables(judged)
                page = cinc2015_run.challenge_page(judged)
            case "alarms":
                waves = alarms_run.evaluate(progress)
                result, tables, page = (
                    msgspec.json.encode(waves),
                    alarms_run.tables(waves),
                    alarms_run.alarms_page(waves),
                )
            case "false-alarms":
                told = false_alarms_run.evaluate(data, progress)
                result, tables = msgspec.json.encode(told), false_alarms_run.tables(told)
                page = false_alarms_run.false_alarms_page(told)
            case "catheter":
                fixes = catheter_run.evaluate(data, progress, peers=peers, keep=out)
                result, tables = msgspec.json.encode(fixes), catheter_tables.tables(fixes)
                page = catheter_page.catheter_page(fixes)
    console = Console(markup=False)
    if not console.is_terminal:
        console = Console(markup=False, width=_FILE_COLUMNS)
    for table in tables:
        console.print(table)
    if what == "mitdb":
        console.print(f"\nthe engine took {beats.times_real_time:.0f} times real time, one thread")
    if out:
        (out / "result.json").write_bytes(msgspec.json.format(result))
        if page:
            (out / "report.html").write_text(page, encoding="utf-8")
        console.print(f"kept in {out}")
