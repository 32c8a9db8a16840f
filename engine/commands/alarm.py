"""`heartwire alarm`: what stands, and commands to the alarms of a running engine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import typer
from rich.console import Console
from rich.table import Table

from heartwire.engine.alarms import client
from heartwire.engine.alarms.conditions import CONDITIONS, RANK
from heartwire.engine.alarms.recall import current
from heartwire.engine.errors import CommandRefused, ConfigError, JournalError, MalformedMessage
from heartwire.engine.messages import AlarmAction, AlarmEvent

alarm = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="What alarms stand, and commands to them: acknowledge, pause, off, resume, limits.",
)

Stream: TypeAlias = Annotated[str, typer.Argument(help="Stream id, such as bed-1/ecg.")]
Condition: TypeAlias = Annotated[str, typer.Argument(help="Condition, such as VT; none: all of the stream.")]
By: TypeAlias = Annotated[str, typer.Option("--by", help="Who gives the command.")]
JournalFile: TypeAlias = Annotated[
    Path | None, typer.Option("--journal", help="Journal of the run; none: the one *.journal file in this folder.")
]
Audio: TypeAlias = Annotated[bool, typer.Option("--audio", help="The sound only.")]


def _journal(path: Path | None) -> Path:
    if path is not None:
        return path
    found = sorted(Path().glob("*.journal"))
    if len(found) != 1:
        msg = f"{len(found)} files *.journal in this folder: say which with --journal FILE"
        raise ConfigError(msg)
    return found[0]


def _give(
    path: Path | None,
    stream: str,
    action: AlarmAction,
    by: str,
    condition: str = "",
    lasts_s: float = 0.0,
    limits: dict[str, float] | None = None,
) -> None:
    command = client.command(stream, action, by, condition, lasts_s, limits)
    try:
        answer = client.give(_journal(path), command)
    except (JournalError, MalformedMessage) as error:
        raise ConfigError(str(error)) from None
    if not answer.accepted:
        raise CommandRefused(answer.reason)
    not_written = f", but not in the journal yet: {answer.reason}" if answer.reason else ""
    Console(markup=False).print(
        f"{action}: carried out for {' '.join((stream, condition)).rstrip()}{not_written}", soft_wrap=True
    )


@alarm.command()
def acknowledge(stream: Stream, by: By, condition: Condition = "", journal: JournalFile = None) -> None:
    """Say that somebody has seen a condition: one that latched ends, one that holds ends quietly later."""
    _give(journal, stream, "acknowledge", by, condition)


@alarm.command()
def pause(
    stream: Stream,
    by: By,
    condition: Condition = "",
    audio: Audio = False,
    seconds: Annotated[float, typer.Option(help="How long; 0: the default.", min=0.0)] = 0.0,
    journal: JournalFile = None,
) -> None:
    """Pause the signals of alarms, or their sound, for a time."""
    _give(journal, stream, "audio-pause" if audio else "alarm-pause", by, condition, seconds)


@alarm.command()
def off(stream: Stream, by: By, condition: Condition = "", audio: Audio = False, journal: JournalFile = None) -> None:
    """Turn the signals of alarms, or their sound, off until `resume`; a reminder is given meanwhile."""
    _give(journal, stream, "audio-off" if audio else "alarm-off", by, condition)


@alarm.command()
def resume(stream: Stream, by: By, condition: Condition = "", journal: JournalFile = None) -> None:
    """Give every signal again."""
    _give(journal, stream, "resume", by, condition)


@alarm.command()
def limits(
    stream: Stream,
    values: Annotated[list[str], typer.Argument(help="NAME=VALUE, such as tachy_bpm=130.")],
    by: By,
    journal: JournalFile = None,
) -> None:
    """Change limits of a stream, until its run ends in order."""
    changes = {}
    for value in values:
        name, _, number = value.partition("=")
        try:
            changes[name] = float(number)
        except ValueError:
            msg = f"{value!r} is not NAME=VALUE with a number"
            raise ConfigError(msg) from None
    _give(journal, stream, "limits", by, limits=changes)


def _delays(event: AlarmEvent) -> str:
    """Give the delays of condition and signal of an alarm that began: what comes later rests on no onset."""
    if event.change != "on":
        return ""
    signal = "" if event.generation_delay_s is None else f" + {event.generation_delay_s:.3f}"
    return f"{event.algorithmic_delay_s:.2f}{signal}"


@alarm.command("list")
def list_(journal: JournalFile = None) -> None:
    """Show what stands in the last run of a journal: conditions by priority and rank, and what is inactive.

    The delays are those of the condition (onset to decision) and of the signal (arrival to writing), where it began.
    """
    path = _journal(journal)
    try:
        events, inactive = current(path)
    except JournalError as error:
        raise ConfigError(str(error)) from None
    heads = ("stream", "condition", "state", "priority", "since (UTC)", "delays s", "what it is")
    table = Table(*heads, title=f"Alarms of {path}")
    order = ("high", "medium", "low")
    for event, written_ns in sorted(events, key=lambda e: (order.index(e[0].priority), RANK[e[0].condition])):
        since = datetime.fromtimestamp(written_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
        text = CONDITIONS[event.condition].text
        table.add_row(event.stream, event.condition, event.change, event.priority, since, _delays(event), text)
    console = Console(markup=False)
    console.print(table)
    for change, _ in inactive:
        what = change.condition or f"all of the {change.kind}"
        console.print(f"{change.stream}: {what}: {change.change}, by {change.by}", soft_wrap=True)
