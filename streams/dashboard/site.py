"""The web application: the page's files, what it asks for, and the live connection."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from heartwire.engine.errors import JournalError
from heartwire.streams.dashboard import api
from heartwire.streams.dashboard.assets import Assets
from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.guard import Guard
from heartwire.streams.dashboard.viewer import LARGEST_BYTES, Viewer

MOST_VIEWERS = 64
_TOO_BIG, _FULL = 1009, 1013
"""Close codes: a message is too large; try again later."""


class Site:
    """Serves one board.

    Parameters
    ----------
    board
        What is shown.
    host
        Address that the server is bound to.
    token
        What who opens the page must have, empty for nothing.
    journal
        The journal of the run's alarms.
    """

    def __init__(self, board: Board, host: str, token: str, journal: Path) -> None:
        self.pulse = asyncio.Event()
        """Set for a moment when viewers should look for something new."""
        self.joined = asyncio.Event()
        """Set when a viewer came."""
        self._board = board
        routes: list[BaseRoute] = [
            *Assets().routes(),
            *api.Api(board, journal).routes(),
            WebSocketRoute("/live", self._live),
        ]
        unreadable = {JournalError: api.unreadable, OSError: api.unreadable}
        self.app: ASGIApp = Guard(Starlette(routes=routes, exception_handlers=unreadable), host, token, board.refusals)

    async def _live(self, socket: WebSocket) -> None:
        await socket.accept()
        if len(self._board.viewers) >= MOST_VIEWERS:
            await socket.close(_FULL, f"{MOST_VIEWERS} pages are open already")
            return
        viewer = Viewer(self._board)
        self._board.join(viewer)
        self.joined.set()
        sending = asyncio.create_task(self._send(socket, viewer))
        try:
            while (message := await socket.receive())["type"] == "websocket.receive":
                raw = message.get("bytes") or (message.get("text") or "").encode()
                if len(raw) > LARGEST_BYTES:
                    self._board.refusals.add("an oversized message", socket.client.host if socket.client else "")
                    await socket.close(_TOO_BIG)
                    break
                viewer.acknowledge(raw, time.monotonic_ns())
            if message.get("code") == _TOO_BIG:
                self._board.refusals.add("an oversized message", socket.client.host if socket.client else "")
        finally:
            sending.cancel()
            self._board.leave(viewer)

    async def _send(self, socket: WebSocket, viewer: Viewer) -> None:
        try:
            while True:
                await self.pulse.wait()
                if (message := viewer.next_message(time.monotonic_ns())) is not None:
                    await socket.send_bytes(message)
        except (WebSocketDisconnect, RuntimeError):
            # The page is gone, or this side has closed.
            return
