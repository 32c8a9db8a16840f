"""What the processes of a run tell their supervisor, and how they are told to go and to stop.

Reports go over a PUSH socket in the run folder. Orders come as lines on standard input, commands to the alarms of its
streams and orders to swap models as lines of JSON; its end means that the supervisor is gone: no process outlives it.
"""

from __future__ import annotations

import os
import select
import sys
from collections import deque
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
import zmq

from heartwire.engine.alarms.technical import Technical
from heartwire.engine.bus import Publisher, Subscriber
from heartwire.engine.errors import MalformedMessage
from heartwire.engine.messages import AlarmAnswer, AlarmCommand, LedgerReport
from heartwire.engine.swap_order import SwapAnswer, SwapOrder

Order = Literal["go", "stop"]


class Ready(msgspec.Struct, tag=True):
    """A process can take its part: models are loaded and warm, sources open."""

    process: str
    notes: list[str]


class Heartbeat(msgspec.Struct, tag=True):
    """A process is alive: the accounts of its streams so far, and the technical conditions that hold.

    `journal_lost` says why it cannot write alarms to the journal, empty where it can.
    """

    process: str
    ledgers: list[LedgerReport]
    technical: list[Technical] = []
    journal_lost: str = ""


class Found(msgspec.Struct, tag=True):
    """A process found a change of a technical condition."""

    process: str
    technical: Technical


class Answered(msgspec.Struct, tag=True):
    """What a process made of a command."""

    process: str
    answer: AlarmAnswer


class Swapped(msgspec.Struct, tag=True):
    """What a worker made of an order to swap a model."""

    process: str
    answer: SwapAnswer


class Fault(msgspec.Struct, tag=True):
    """Something went wrong for one stream (or the whole process, stream empty); one clear line."""

    process: str
    stream: str
    line: str
    input_error: bool = False


class Done(msgspec.Struct, tag=True):
    """A process has finished its part; its final accounts and what it made."""

    process: str
    ledgers: list[LedgerReport]
    notes: list[str]


Report: TypeAlias = Ready | Heartbeat | Found | Answered | Swapped | Fault | Done
_DECODER: msgspec.msgpack.Decoder[Report] = msgspec.msgpack.Decoder(Report)
_ENCODER = msgspec.msgpack.Encoder()


def decode(parts: list[bytes]) -> Report:
    """Decode a report.

    Raises
    ------
    MalformedMessage
        If it is none.
    """
    if len(parts) != 1:
        msg = f"report of {len(parts)} parts: expected 1"
        raise MalformedMessage(msg)
    try:
        return _DECODER.decode(parts[0])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        msg = f"report: {error}"
        raise MalformedMessage(msg) from error


def refusals(process: str, sockets: Sequence[Publisher | Subscriber]) -> list[str]:
    """Say what came to the sockets of a process that was no valid message: one line each, none where nothing did."""
    counts = [socket.statistics() for socket in sockets]
    return [f"{process}: refused {c.refused} malformed messages, last: {c.last_refusal}" for c in counts if c.refused]


class Line:
    """A process's line to its supervisor.

    Parameters
    ----------
    context
        The process's ZeroMQ context.
    endpoint
        Where the supervisor collects reports.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str) -> None:
        self._socket = context.socket(zmq.PUSH)
        self._socket.linger = 1000
        self._socket.connect(endpoint)
        self._fd = sys.stdin.fileno()
        self._poller = select.poll()
        self._poller.register(self._fd, select.POLLIN)
        self._pending = b""
        self._lost = False
        self._commands: deque[AlarmCommand] = deque()
        self._swaps: deque[SwapOrder] = deque()

    def report(self, report: Report) -> None:
        """Send a report."""
        self._socket.send(_ENCODER.encode(report))

    def order(self, timeout_ms: int = 0) -> Order | None:
        """Give the next order, None where none came in time; a lost supervisor is an order to stop."""
        if b"\n" not in self._pending:
            self._read(timeout_ms)
        while b"\n" in self._pending:
            line, _, self._pending = self._pending.partition(b"\n")
            if not line.startswith(b"{"):
                return "go" if line == b"go" else "stop"
            given = msgspec.json.decode(line, type=AlarmCommand | SwapOrder)
            if isinstance(given, SwapOrder):
                self._swaps.append(given)
            else:
                self._commands.append(given)
        return "stop" if self._lost else None

    def command(self) -> AlarmCommand | None:
        """Give the next command that came while orders were looked for."""
        return self._commands.popleft() if self._commands else None

    def swap(self) -> SwapOrder | None:
        """Give the next order to swap a model that came while orders were looked for."""
        return self._swaps.popleft() if self._swaps else None

    def lost(self) -> bool:
        """Tell whether the supervisor is gone, or has nothing more to say."""
        self._read(0)
        return self._lost

    def _read(self, timeout_ms: int) -> None:
        if not self._lost and self._poller.poll(timeout_ms):
            read = os.read(self._fd, 4096)
            self._pending += read
            self._lost = not read

    def close(self) -> None:
        """Close the line; reports already sent are delivered."""
        self._socket.close()
