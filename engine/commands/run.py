"""`heartwire run FILE` and `heartwire check FILE`: the configured streams, until they end or you stop them."""

from __future__ import annotations

import fcntl
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from heartwire.engine import registry
from heartwire.engine.config import Config, read_config
from heartwire.engine.errors import ConfigError, HeartwireError, ModelError
from heartwire.engine.supervisor import Summary, Supervisor

_IPC_PATH_LIMIT = 70
"""A socket file's path may have 107 characters; the name within the folder takes the rest."""


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether the user asked to stop (Ctrl-C or SIGTERM)."""
    asked = threading.Event()
    before = {s: signal.signal(s, lambda *_: asked.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def run_folder(config: Config) -> Iterator[Path]:
    """Give the folder for sockets and snapshots: the configured one, or a temporary one."""
    if not config.engine.run_dir:
        with tempfile.TemporaryDirectory(prefix="heartwire-", ignore_cleanup_errors=True) as name:
            yield Path(name)
        return
    path = Path(config.engine.run_dir).resolve()
    if len(str(path)) > _IPC_PATH_LIMIT:
        msg = f"engine.run_dir {path} is too long for sockets: choose one of at most {_IPC_PATH_LIMIT} characters"
        raise ConfigError(msg)
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = (path / "lock").open("w")
    except OSError as error:
        msg = f"engine.run_dir {path} cannot be used: {error.strerror}"
        raise ConfigError(msg) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"engine.run_dir {path} is in use by another run"
            raise ConfigError(msg) from None
        yield path


def ledger_table(summary: Summary) -> Table:
    """Show the account of every stream."""
    table = Table("stream", "offered", "processed", "dropped", "missing", "in flight", title="Ledger")
    for stream, r in sorted(summary.ledgers.items()):
        dropped = ", ".join(f"{n} {cause}" for cause, n in r.dropped.items() if n) or "0"
        table.add_row(stream, *(str(v) for v in (r.offered, r.processed, dropped, r.missing, r.in_flight)))
    return table


def conclude(console: Console, summary: Summary) -> None:
    """Show the account at the end of a run.

    Raises
    ------
    HeartwireError
        If the account does not balance, a source broke, or nothing of a stream was analysed.
    """
    console.print(ledger_table(summary))
    for note in summary.notes:
        console.print(note, soft_wrap=True)
    for name, count in summary.restarts.items():
        console.print(f"{name} was restarted {count} times")
    if not summary.balanced:
        msg = "the ledger does not balance: the run is invalid"
        raise HeartwireError(msg)
    console.print("ledger: balanced, every sample and frame is accounted for")
    if bad := [f for f in summary.faults if f.input_error]:
        msg = "; ".join(f"{f.stream}: {f.line}" for f in bad)
        raise ConfigError(msg)
    for cause, why in (("model", "a model cannot be loaded"), ("processor", "the processor failed on all of it")):
        if never := [name for name, r in summary.ledgers.items() if r.offered and r.dropped.get(cause) == r.offered]:
            msg = f"nothing of {', '.join(sorted(never))} was analysed: {why}, the lines above say more"
            raise ModelError(msg)


def _check_kinds(config: Config) -> None:
    """Check sources, sinks and processors without starting anything."""
    for stream in config.stream:
        if stream.source:
            registry.source(stream.id, stream.source)
        if stream.processor_kind not in (known := registry.known("processors")):
            msg = f"stream {stream.id!r}: there is no processor {stream.processor_kind!r}: known are {', '.join(known)}"
            raise ConfigError(msg)
    for sink in config.sink:
        registry.sink(sink)


def check(file: Annotated[Path, typer.Argument(help="Configuration (TOML).")]) -> None:
    """Check a configuration without running it: keys, values, kinds, settings, models."""
    config = read_config(file)
    _check_kinds(config)
    for stream in config.stream:
        registry.processor(stream.processor_kind, stream.id, stream.settings)
    Console(markup=False).print(f"{file}: {len(config.stream)} streams, {len(config.sink)} sinks: correct")


def run(file: Annotated[Path, typer.Argument(help="Configuration (TOML).")]) -> None:
    """Run the configured streams until they end or you stop them (Ctrl-C)."""
    config = read_config(file)
    _check_kinds(config)
    config.alarms.journal = config.alarms.journal or str(file.with_suffix(".journal"))
    console = Console(stderr=True, markup=False)
    with run_folder(config) as folder, stop_on_signal() as stopped:
        supervisor = Supervisor(config, folder, lambda line: console.print(line, soft_wrap=True))
        with supervisor, console.status("starting") as status:
            supervisor.wait_ready(stopped)
            console.print(f"run folder: {folder}", soft_wrap=True)
            try:
                summary = supervisor.run(stopped, lambda s: status.update(progress(s)))
            except HeartwireError:
                if supervisor.summary.ledgers:
                    console.print(ledger_table(supervisor.summary))
                raise
    conclude(console, summary)


def progress(summary: Summary) -> str:
    """Say in one line how far a run is."""
    reports = summary.ledgers.values()
    ended = sum(r.final for r in reports)
    return f"running: {sum(r.processed for r in reports):,} samples and frames processed, {ended} streams ended"
