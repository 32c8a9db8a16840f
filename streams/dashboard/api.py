"""What the page asks for over HTTP: status, commands, limits, the journal, trends and the recording."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from heartwire.streams.dashboard import journal_view, records
from heartwire.streams.dashboard.bed import BedView
from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.commands import Commands
from heartwire.streams.dashboard.recording import Recording

_LONGEST_MS = 600_000
"""So much of a recording is given at once."""
_LARGEST_COMMAND_BYTES = 4096
_BINARY = "application/octet-stream"


class Api:
    """Answers over one board.

    Parameters
    ----------
    board
        What is shown.
    journal
        The journal of the run's alarms.
    """

    def __init__(self, board: Board, journal: Path) -> None:
        self._board = board
        self._journal = journal
        self._commands = Commands(journal)

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        answers = {
            "status": self._status,
            "engine": self._engine,
            "limits": self._limits,
            "alarms": self._alarms,
            "strip": self._strip,
            "trends": self._trends,
            "span": self._span,
            "recording": self._recording,
        }
        found: list[BaseRoute] = [Route(f"/api/{name}", answer) for name, answer in answers.items()]
        return [*found, Route("/api/command", self._command, methods=["POST"])]

    async def _status(self, _: Request) -> Response:
        return _json(self._board.status())

    async def _engine(self, _: Request) -> Response:
        return _json(self._board.engine.document(time.monotonic_ns()))

    async def _command(self, request: Request) -> Response:
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise HTTPException(415, "a command is application/json")
        raw = b""
        async for part in request.stream():
            raw += part
            if len(raw) > _LARGEST_COMMAND_BYTES:
                self._board.refusals.add("an oversized command", request.client.host if request.client else "")
                raise HTTPException(413, f"a command has {_LARGEST_COMMAND_BYTES} bytes at most")
        outcome = await self._commands.give(raw)
        return _json(msgspec.json.encode(outcome), 200 if outcome.accepted else 409)

    async def _limits(self, request: Request) -> Response:
        return _json(msgspec.json.encode(self._board.limits.of(self._bed(request).id)))

    async def _alarms(self, request: Request) -> Response:
        before = int(_number(request, "before", 0))
        found = await asyncio.to_thread(journal_view.listed, self._journal, _stream(request), before)
        return _json(msgspec.json.encode(found))

    async def _strip(self, request: Request) -> Response:
        record = await asyncio.to_thread(journal_view.strip, self._journal, int(_number(request, "id")))
        if not record:
            raise HTTPException(404, "that entry has no strip")
        return Response(record, media_type=_BINARY)

    async def _trends(self, request: Request) -> Response:
        return _json(msgspec.json.encode(self._bed(request).trends.since(_number(request, "from", 0))))

    async def _span(self, request: Request) -> Response:
        return _json(msgspec.json.encode(await asyncio.to_thread(self._kept(request).span_ms)))

    async def _recording(self, request: Request) -> Response:
        bed, recording = self._bed(request), self._kept(request)
        from_ms, to_ms = _number(request, "from"), _number(request, "to")
        if not 0 <= to_ms - from_ms <= _LONGEST_MS:
            raise HTTPException(400, f"`to` must lie at most {_LONGEST_MS} ms after `from`")
        lead = request.query_params.get("lead", "")
        return Response(await asyncio.to_thread(_read, bed.number, recording, from_ms, to_ms, lead), media_type=_BINARY)

    def _bed(self, request: Request) -> BedView:
        view = self._board.streams.get(_stream(request))
        if not isinstance(view, BedView):
            raise HTTPException(404, "there is no such bed")
        return view

    def _kept(self, request: Request) -> Recording:
        recording = self._bed(request).recording
        if recording is None:
            raise HTTPException(404, "nothing is recorded")
        return recording


def _read(number: int, recording: Recording, from_ms: float, to_ms: float, lead: str) -> bytes:
    marks = recording.marks.between(from_ms, to_ms)
    parts = []
    for piece in recording.read(from_ms, to_ms):
        samples_uv, about = piece.samples_uv, msgspec.to_builtins(piece.head)
        if lead in piece.head.leads:
            samples_uv = samples_uv[:, piece.head.leads.index(lead)]
            about["leads"] = [lead]
        end_ms = piece.head.start_ms + len(samples_uv) / piece.head.rate_hz * 1000
        about["marks"] = [mark for mark in marks if piece.head.start_ms <= mark[0] < end_ms]
        parts.append(records.piece(number, about, samples_uv.tobytes()))
    return b"".join(parts)


async def unreadable(_: Request, error: Exception) -> Response:
    """Answer where the journal or the disk cannot be read."""
    return Response(f"{error}\n", status_code=503, media_type="text/plain")


def _json(body: bytes, status: int = 200) -> Response:
    return Response(body, status_code=status, media_type="application/json")


def _stream(request: Request) -> str:
    return request.query_params.get("stream", "")


def _number(request: Request, name: str, otherwise: float | None = None) -> float:
    given: Any = request.query_params.get(name, otherwise)
    try:
        number = float(given)
    except (TypeError, ValueError):
        raise HTTPException(400, f"`{name}` must be a number") from None
    if not abs(number) < 1e15:
        raise HTTPException(400, f"`{name}` must be finite")
    return number
