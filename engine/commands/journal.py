"""`heartwire journal`: whether a journal is as it was written, what is in it, and the strip of an alarm."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from heartwire.engine.alarms.chain import verify as verify_chain
from heartwire.engine.alarms.journal import Entry, clear, connect, entries
from heartwire.engine.alarms.strips import Strip, draw
from heartwire.engine.errors import ConfigError, JournalError
from heartwire.engine.messages import AlarmEvent

journal = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="The journal of alarms: verify it, show it, draw the strip of an alarm.",
)

File: TypeAlias = Annotated[Path, typer.Argument(help="The journal.")]
_ON_STRIP = ("strip", "beat_samples")
"""Reasons that the picture of the strip shows."""
_SHOWN = ("priority", "by", "lasts_s", "limits", "streams", "generation_delay_s")


@journal.command()
def verify(
    file: File,
    head: Annotated[str, typer.Option(help="Hash that an earlier verification gave: it must still be there.")] = "",
) -> None:
    """Recompute every hash: status 0 as it was written, 1 not, 2 no journal."""
    try:
        verdict = verify_chain(file, head)
    except JournalError as error:
        raise ConfigError(str(error)) from None
    console = Console(markup=False)
    if verdict.wrong:
        console.print(f"{file}: BROKEN: {verdict.wrong}; the {verdict.entries} before it are whole", soft_wrap=True)
        raise typer.Exit(1)
    console.print(f"{file}: whole: {verdict.entries} entries, head {verdict.head}", soft_wrap=True)


@journal.command()
def show(
    file: File,
    stream: Annotated[str, typer.Option(help="Only this stream.")] = "",
    since: Annotated[datetime | None, typer.Option(help="Only from this time on, UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(help="Only before this time, UTC.")] = None,
    last: Annotated[int, typer.Option(help="Only the last ones; 0: all.", min=0)] = 0,
) -> None:
    """Show the entries as a table."""
    where, values = ["1"], list[Any]()
    if stream:
        where, values = ["stream = ?"], [stream]
    for time, compare in ((since, ">="), (until, "<")):
        if time is not None:
            where.append(f"written_ns {compare} ?")
            values.append(round(time.replace(tzinfo=UTC).timestamp() * 1e9))
    try:
        with clear(file), closing(connect(file)) as connection:
            found = list(entries(connection, " AND ".join(where), values))
            said = [_said(entry) for entry in found]
    except JournalError as error:
        raise ConfigError(str(error)) from None
    table = Table("id", "written (UTC)", "stream", "entry", "condition", "change", "what it says", title=str(file))
    for entry, what in list(zip(found, said, strict=True))[-last:]:
        written = datetime.fromtimestamp(entry.written_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
        table.add_row(str(entry.id), written, entry.stream, entry.kind, entry.condition, entry.change, what)
    Console(markup=False).print(table)


def _said(entry: Entry) -> str:
    body: dict[str, Any] = msgspec.json.decode(entry.body)
    reason = {name: value for name, value in body.get("reason", {}).items() if name not in _ON_STRIP}
    said = {name: body[name] for name in _SHOWN if body.get(name)} | reason
    if entry.change == "on":
        said = {"condition_delay_s": body["algorithmic_delay_s"]} | said
    return ", ".join(f"{name} {value}" for name, value in said.items())


@journal.command()
def strip(
    file: File,
    entry: Annotated[int, typer.Argument(help="Id of the entry, as `show` gives it.")],
    out: Annotated[Path, typer.Option(help="The picture to write (PNG).")] = Path("strip.png"),
) -> None:
    """Draw the 10 s up to the decision of an alarm, with the beats as they were classed."""
    try:
        with clear(file), closing(connect(file)) as connection:
            found = list(entries(connection, "id = ?", (entry,)))
            if not found or found[0].strip is None:
                msg = f"{file}: entry {entry} {'has no strip' if found else 'does not exist'}"
                raise ConfigError(msg)
            event = msgspec.json.decode(found[0].body, type=AlarmEvent)
            kept = msgspec.msgpack.decode(found[0].strip, type=Strip)
    except JournalError as error:
        raise ConfigError(str(error)) from None
    samples, classes = event.reason.get("beat_samples", []), event.reason.get("beat_classes", "")
    assert isinstance(samples, list)
    beats = [(int(sample), label) for sample, label in zip(samples, str(classes), strict=False)]
    written = datetime.fromtimestamp(found[0].written_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    rule = event.reason.get("rule", "")
    title = f"{event.stream} {event.condition}: {rule}; samples to {event.decision_sample}; {written}"
    draw(kept, beats, title, out)
    Console(markup=False).print(str(out), soft_wrap=True)
