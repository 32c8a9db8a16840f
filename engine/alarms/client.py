"""Giving a command to a running engine, found through its journal."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import zmq

from heartwire.engine.alarms import lock, recall
from heartwire.engine.errors import CommandRefused, JournalError
from heartwire.engine.messages import AlarmAction, AlarmAnswer, AlarmCommand
from heartwire.engine.wire import decode, encode

PATIENCE_S = 15.0


def command(
    stream: str,
    action: AlarmAction,
    by: str,
    condition: str = "",
    lasts_s: float = 0.0,
    limits: dict[str, float] | None = None,
) -> AlarmCommand:
    """Make a command as given now."""
    return AlarmCommand(
        stream=stream,
        action=action,
        by=by,
        id=secrets.token_hex(8),
        condition=condition,
        lasts_s=lasts_s,
        limits=limits or {},
        given_ns=time.time_ns(),
    )


def give(path: Path, command: AlarmCommand, patience_s: float = PATIENCE_S) -> AlarmAnswer:
    """Give a command to the run that writes a journal; give its answer.

    Raises
    ------
    JournalError
        If no run writes it now.
    MalformedMessage
        If the command is none that could be sent.
    CommandRefused
        If no answer came in time: whether it was carried out stands in the journal.
    """
    parts = encode(command)
    # What the run could not read is refused here: it has nobody to answer to.
    decode(parts)
    started = recall.last_start(path)
    endpoint = started.commands if started else ""
    if not endpoint or not lock.is_held(path):
        msg = f"journal {path}: no run writes it now"
        raise JournalError(msg)
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(endpoint)
        socket.send_multipart(parts)
        until_s = time.monotonic() + patience_s
        while socket.poll(round(max(0.0, until_s - time.monotonic()) * 1000)):
            answer = decode(socket.recv_multipart())
            if isinstance(answer, AlarmAnswer) and answer.id == command.id:
                return answer
    msg = f"{endpoint}: no answer within {patience_s:g} s; see the journal for whether it was carried out"
    raise CommandRefused(msg)
