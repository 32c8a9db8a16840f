"""`heartwire bench SCENARIO`: each command is a workload's defaults and a call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from heartwire.benchmarks.load import Phase
from heartwire.benchmarks.result import Result
from heartwire.benchmarks.scenarios import beds as many
from heartwire.benchmarks.scenarios import burst as stall
from heartwire.benchmarks.scenarios import faults as accidents
from heartwire.benchmarks.scenarios import idle as pauses
from heartwire.benchmarks.scenarios import mixed as both
from heartwire.benchmarks.scenarios import offline as free
from heartwire.benchmarks.scenarios import paced, single
from heartwire.benchmarks.scenarios import soak as long
from heartwire.benchmarks.scenarios.options import Target, scenario
from heartwire.benchmarks.workload import Workload
from heartwire.engine.config import EngineConfig
from heartwire.engine.errors import InputError

Progress: TypeAlias = Callable[[str], None]
Seconds: TypeAlias = Annotated[float, typer.Option(help="Signal to run; p99 needs 662 findings.", min=2)]
Beds: TypeAlias = Annotated[int, typer.Option(help="ECG streams.", min=0, max=4096)]
Labs: TypeAlias = Annotated[int, typer.Option(help="X-ray streams.", min=0, max=64)]
Rate: TypeAlias = Annotated[float, typer.Option(help="Sampling rate of the ECG.", min=100, max=2000)]
Leads: TypeAlias = Annotated[int, typer.Option(help="Leads of each ECG.", min=1, max=12)]
Message: TypeAlias = Annotated[float, typer.Option(help="ECG in one message.", min=4, max=2000)]
Fps: TypeAlias = Annotated[float, typer.Option(help="Frames a second.", min=1, max=60)]
Pixels: TypeAlias = Annotated[int, typer.Option(help="Side of the frames.", min=256, max=1024)]
InStep: TypeAlias = Annotated[bool, typer.Option(help="All beds send at the same instant, the worst case.")]
Seed: TypeAlias = Annotated[int, typer.Option(help="Of patients, scenes and phases.", min=0)]
Repeats: TypeAlias = Annotated[int, typer.Option(help="Runs, for the spread.", min=1, max=100)]


def _check(load: Workload) -> Workload:
    if not load.beds + load.labs:
        msg = "nothing to measure: give --beds or --labs"
        raise InputError(msg)
    return load


def latency(
    target: Target,
    progress: Progress,
    *,
    seconds: Seconds = 120.0,
    beds: Beds = 8,
    labs: Labs = 0,
    rate_hz: Rate = 500.0,
    leads: Leads = 12,
    message_ms: Message = 40.0,
    fps: Fps = 15.0,
    frame_px: Pixels = 512,
    in_step: InStep = False,
    seed: Seed = 1,
    repeats: Repeats = 1,
) -> Result:
    """Measure at clinical cadence (open loop, the headline): from intended times, seen by another process."""
    load = Workload(
        beds=beds,
        labs=labs,
        seconds=seconds,
        rate_hz=rate_hz,
        leads=leads,
        message_ms=message_ms,
        frame_hz=fps,
        frame_px=frame_px,
        in_step=in_step,
        seed=seed,
    )
    return paced.measure(target.harness(progress), _check(load), repeats=repeats)


def single_(
    target: Target,
    progress: Progress,
    *,
    seconds: Seconds = 60.0,
    beds: Beds = 1,
    labs: Labs = 1,
    rate_hz: Rate = 500.0,
    leads: Leads = 12,
    message_ms: Message = 40.0,
    frame_px: Pixels = 512,
    repeats: Repeats = 1,
) -> Result:
    """Keep one message in flight (closed loop), each timed from sending to acknowledgement."""
    load = Workload(
        beds=beds,
        labs=labs,
        seconds=seconds,
        rate_hz=rate_hz,
        leads=leads,
        message_ms=message_ms,
        frame_px=frame_px,
    )
    return single.measure(target.harness(progress), _check(load), repeats=repeats)


def burst(
    target: Target,
    progress: Progress,
    *,
    seconds: Seconds = 60.0,
    beds: Beds = 8,
    labs: Labs = 0,
    rate_hz: Rate = 500.0,
    leads: Leads = 12,
    message_ms: Message = 40.0,
    stall_ms: Annotated[float, typer.Option(help="How long the feed stalls.", min=10)] = 500.0,
    every_s: Annotated[float, typer.Option(help="How often.", min=1)] = 5.0,
    repeats: Repeats = 1,
) -> Result:
    """Stall the feed again and again; then all that fell due comes at once."""
    load = Workload(beds=beds, labs=labs, seconds=seconds, rate_hz=rate_hz, leads=leads, message_ms=message_ms)
    harness = target.harness(progress)
    return stall.measure(harness, _check(load), repeats=repeats, stall_s=stall_ms / 1e3, every_s=every_s)


def beds(
    target: Target,
    progress: Progress,
    *,
    seconds: Annotated[float, typer.Option(help="Signal of each try.", min=2)] = 15.0,
    rate_hz: Rate = 250.0,
    leads: Leads = 2,
    message_ms: Message = 100.0,
    target_ms: Annotated[float, typer.Option(help="Largest p99.", min=1)] = 50.0,
    start: Annotated[int, typer.Option(help="Beds to begin with.", min=1, max=4096)] = 16,
    limit: Annotated[int, typer.Option(help="Most beds to try.", min=1, max=4096)] = 4096,
    tolerance: Annotated[float, typer.Option(help="How exact, as a part.", min=0.001, max=1.0)] = 0.05,
    sizes: Annotated[str, typer.Option(help="Measure these instead, as in 10,100,500.")] = "",
    in_step: InStep = False,
) -> Result:
    """Search for the most beds at the target p99 with nothing missing; the scaling curve on the way."""
    load = Workload(beds=1, seconds=seconds, rate_hz=rate_hz, leads=leads, message_ms=message_ms, in_step=in_step)
    return many.measure(
        target.harness(progress),
        load,
        target_ms=target_ms,
        start=start,
        limit=limit,
        tolerance=tolerance,
        sizes=_sizes(sizes),
    )


def _sizes(text: str) -> list[int]:
    sizes = [int(n) for n in numbers("sizes", text)]
    if wrong := [n for n in sizes if not 1 <= n <= 4096]:
        msg = f"--sizes: {wrong[0]} beds: expected 1 to 4096"
        raise InputError(msg)
    return sizes


def mixed(
    target: Target,
    progress: Progress,
    *,
    seconds: Seconds = 60.0,
    beds: Beds = 16,
    labs: Labs = 1,
    rate_hz: Rate = 500.0,
    leads: Leads = 12,
    message_ms: Message = 40.0,
    fps: Fps = 15.0,
    frame_px: Pixels = 512,
    alone: Annotated[bool, typer.Option(help="Also measure each signal alone, for the ratio.")] = True,
    repeats: Repeats = 1,
) -> Result:
    """Measure beds and labs on one machine, beside what each costs alone."""
    load = Workload(
        beds=beds,
        labs=labs,
        seconds=seconds,
        rate_hz=rate_hz,
        leads=leads,
        message_ms=message_ms,
        frame_hz=fps,
        frame_px=frame_px,
    )
    return both.measure(target.harness(progress), _check(load), repeats=repeats, alone=alone)


def offline(
    target: Target,
    progress: Progress,
    *,
    seconds: Seconds = 300.0,
    beds: Beds = 8,
    labs: Labs = 0,
    rate_hz: Rate = 250.0,
    leads: Leads = 2,
    message_ms: Message = 100.0,
    repeats: Repeats = 1,
) -> Result:
    """Go as fast as it goes."""
    load = Workload(beds=beds, labs=labs, seconds=seconds, rate_hz=rate_hz, leads=leads, message_ms=message_ms)
    return free.measure(target.harness(progress), _check(load), repeats=repeats)


def idle(
    target: Target,
    progress: Progress,
    *,
    beds: Beds = 1,
    labs: Labs = 1,
    rates: Annotated[str, typer.Option(help="Items a second, 0: continuous, which comes first.")] = "0,10,1,0.1",
    frame_px: Pixels = 512,
) -> Result:
    """Make longer and longer pauses between the items, with keep-warm off and on."""
    known = {phase.interval_s: phase for phase in pauses.PHASES}
    wanted = numbers("rates", rates)
    if min(wanted, default=-1.0) < 0.0 or wanted[0] or len(wanted) < 2:
        msg = f"--rates {rates!r}: expected 0, for continuous, then the rates that are compared with it, as in 0,10,1"
        raise InputError(msg)
    intervals = [1.0 / rate if rate else 0.0 for rate in wanted]
    phases = [known.get(each, Phase(each, 15)) for each in intervals]
    harnesses = {"keep-warm off": target.harness(progress)}
    if "keep_warm" in EngineConfig.__struct_fields__ and not target.foreign:
        harnesses = {f"keep-warm {n}": target.harness(progress, keep_warm=v) for n, v in (("off", False), ("on", True))}
    return pauses.measure(harnesses, _check(Workload(beds=beds, labs=labs, frame_px=frame_px)), phases=phases)


def soak(
    target: Target,
    progress: Progress,
    *,
    seconds: Seconds = 3600.0,
    beds: Beds = 8,
    labs: Labs = 1,
    rate_hz: Rate = 250.0,
    leads: Leads = 2,
    message_ms: Message = 100.0,
    most_growth: Annotated[float, typer.Option(help="Most growth of memory after warm-up, %.", min=0)] = 1.0,
) -> Result:
    """Run at clinical cadence for an hour: growth of memory, drift of latency."""
    load = Workload(beds=beds, labs=labs, seconds=seconds, rate_hz=rate_hz, leads=leads, message_ms=message_ms)
    return long.measure(target.harness(progress), _check(load), most_growth=most_growth)


def faults(
    target: Target,
    progress: Progress,
    *,
    seconds: Annotated[float, typer.Option(help="Signal of each run.", min=8)] = 15.0,
    beds: Beds = 4,
    labs: Labs = 1,
    only: Annotated[str, typer.Option(help=f"Some of: {', '.join(accidents.FAULTS)}.")] = "",
) -> Result:
    """Do what goes wrong, on purpose, and see whether the account still holds."""
    chosen = tuple(name.strip() for name in only.split(",") if name.strip()) or accidents.FAULTS
    if unknown := [name for name in chosen if name not in accidents.FAULTS]:
        msg = f"--only: there is no fault {unknown[0]!r}: known are {', '.join(accidents.FAULTS)}"
        raise InputError(msg)
    if target.foreign:
        # Its workers are not known here, nor what it says of a clock.
        chosen = tuple(name for name in chosen if name not in ("worker-killed", "clock-step"))
    load = Workload(beds=beds, labs=labs, seconds=seconds, rate_hz=250.0, leads=2, message_ms=100.0)
    return accidents.measure(target.harness(progress), _check(load), faults=chosen)


def numbers(option: str, text: str) -> list[float]:
    """Read the numbers of an option, with commas between them."""
    try:
        return [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        msg = f"--{option} {text!r}: expected numbers with commas between them"
        raise InputError(msg) from None


def measure_paced(seconds: float, report: Path | None) -> None:
    """Run `heartwire bench latency` with beds and a lab."""
    scenario(latency)(seconds=seconds, labs=1, report=report)


def register(bench: typer.Typer) -> None:
    """Add the scenarios to `heartwire bench`."""
    for name, command in (
        ("latency", latency),
        ("single", single_),
        ("burst", burst),
        ("beds", beds),
        ("mixed", mixed),
        ("offline", offline),
        ("idle", idle),
        ("soak", soak),
        ("faults", faults),
    ):
        bench.command(name)(scenario(command))
