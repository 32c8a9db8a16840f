"""Recordings given on the command line, one after the other through the engine: progress, account, errors."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from heartwire.engine import registry
from heartwire.engine.errors import SourceError
from heartwire.engine.messages import AlarmEvent, Beat, CatheterFix, EcgChunk, LedgerReport, Message, XrayFrame
from heartwire.engine.offline import analyse
from heartwire.engine.sink import Sink
from heartwire.engine.source import Source

_PROGRESS_STEP_S = 0.1


class Job(NamedTuple):
    """What is to be done with one recording."""

    source: Source
    processor: str
    sinks: list[Sink]
    outputs: list[Path]
    """What the sinks write, in place of what is there; removed if the recording breaks off, so that no partial result
    passes for a whole one."""


class _Tally:
    """A sink that counts what there is to tell."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.rate_hz = 0.0
        self.frames_s = 0.0
        """How long the frames last: their rate may change."""

    def write(self, message: Message) -> None:
        match message:
            case EcgChunk():
                self.rate_hz = message.rate_hz
            case XrayFrame():
                self.frames_s += 1.0 / message.rate_hz if message.rate_hz else 0.0
            case Beat():
                self.counts["beats"] += message.stage == "confirmed"
            case AlarmEvent():
                self.counts["warnings"] += message.change == "on"
            case CatheterFix():
                self.counts["fixes"] += 1
                self.counts["with a visible tip"] += any(device.visible for device in message.devices)

    def close(self) -> None:
        pass


class _Account:
    """Adds up the accounts of all recordings."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.reports: list[LedgerReport] = []
        self.signal_s = 0.0
        self.work_s = 0.0

    def line(self) -> str:
        """Write the whole account in one line."""
        offered, processed, missing, in_flight = (
            sum(getattr(report, name) for report in self.reports)
            for name in ("offered", "processed", "missing", "in_flight")
        )
        dropped = sum(sum(report.dropped.values()) for report in self.reports)
        balanced = "balanced" if offered == processed + dropped + missing + in_flight else "does NOT balance"
        return (
            f"ledger: {offered} {self.unit} offered = {processed} processed + {dropped} dropped + {missing} missing "
            f"+ {in_flight} in flight: {balanced}"
        )

    def speed(self) -> str:
        """Write the speed in one line."""
        times = f", {self.signal_s / self.work_s:.3g} times real time" if self.signal_s and self.work_s else ""
        return f"{len(self.reports)} recordings, {_clock(self.signal_s)} of signal in {self.work_s:.1f} s{times}"


def run_batch(inputs: Sequence[Path], plan: Callable[[Path], Job], unit: str) -> None:
    """Do the recordings one after the other; one that is wrong is told in a line and does not stop the others.

    Parameters
    ----------
    inputs
        The recordings.
    plan
        Says what is to be done with one of them.
    unit
        "samples" or "frames".

    Raises
    ------
    typer.Exit
        With status 2 if a recording was wrong.
    HeartwireError
        If a processor failed.
    """
    console, errors = Console(soft_wrap=True, highlight=False), Console(stderr=True, soft_wrap=True, highlight=False)
    account, wrong = _Account(unit), 0
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=errors, disable=not errors.is_terminal, transient=True) as progress:
        whole = progress.add_task("recordings", total=len(inputs), visible=len(inputs) > 1)
        for path in inputs:
            try:
                console.print(_do(plan(path), account, progress), markup=False)
            except SourceError as error:
                wrong += 1
                errors.print(f"heartwire: {error}", markup=False)
            progress.advance(whole)
    if account.reports:
        console.print(account.speed(), account.line(), sep="\n", markup=False)
    if wrong:
        raise typer.Exit(2)


def _do(job: Job, account: _Account, progress: Progress) -> str:
    """Do one recording; give its line."""
    begin_s = time.perf_counter()
    tally = _Tally()
    processor = registry.processor(job.processor, job.source.stream, {})
    task = progress.add_task(job.source.stream, total=job.source.length())
    shown_s = 0.0

    def show(done: int) -> None:
        nonlocal shown_s
        if (now_s := time.perf_counter()) - shown_s > _PROGRESS_STEP_S:
            shown_s = now_s
            progress.update(task, completed=done)

    sinks = [sink.open() for sink in job.sinks]
    _remove(job.outputs)
    try:
        with ExitStack() as stack:  # every sink is closed, also where another cannot write its results
            for sink in sinks:
                stack.callback(sink.close)
            report = analyse(job.source, processor, [*sinks, tally], show)
    except BaseException:  # an interrupt too: no partial result passes for a whole one
        _remove(job.outputs)
        raise
    finally:
        progress.remove_task(task)
    work_s = time.perf_counter() - begin_s
    account.reports.append(report)
    account.work_s += work_s
    signal_s = report.offered / tally.rate_hz if tally.rate_hz else tally.frames_s
    account.signal_s += signal_s
    found = ", ".join(f"{count} {name}" for name, count in tally.counts.items()) or "nothing found"
    return f"{job.source.stream}: {found}; {_clock(signal_s)} in {work_s:.1f} s"


def _remove(outputs: Sequence[Path]) -> None:
    for output in outputs:
        with suppress(OSError):
            output.unlink(missing_ok=True)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"
