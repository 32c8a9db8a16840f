"""The web application: the page's files, the status document, and the live connection."""

from __future__ import annotations

import asyncio
import time
from importlib.resources import files

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from heartwire.streams.dashboard.board import Board
from heartwire.streams.dashboard.guard import Guard
from heartwire.streams.dashboard.viewer import Viewer

MOST_VIEWERS = 64
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FULL = 1013
"""Close code: try again later."""


class Site:
    """Serves one board.

    Parameters
    ----------
    board
        What is shown.
    host
        Address that the server is bound to.
    """

    def __init__(self, board: Board, host: str) -> None:
        self.pulse = asyncio.Event()
        """Set for a moment when viewers should look for something new."""
        self._board = board
        self._files = {
            file.name: file.read_bytes() for file in (files("heartwire.streams.dashboard") / "page").iterdir()
        }
        routes: list[BaseRoute] = [
            Route("/", self._page),
            Route("/api/status", self._status),
            Route("/{name}", self._page),
            WebSocketRoute("/live", self._live),
        ]
        self.app: ASGIApp = Guard(Starlette(routes=routes), host)

    async def _page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        body = self._files.get(name)
        media_type = _TYPES.get(name.rsplit(".", 1)[-1])
        if body is None or media_type is None:
            return Response("there is no such page\n", status_code=404, media_type="text/plain")
        return Response(body, media_type=media_type)

    async def _status(self, _: Request) -> Response:
        return Response(self._board.status(), media_type="application/json")

    async def _live(self, socket: WebSocket) -> None:
        await socket.accept()
        if self._board.viewers >= MOST_VIEWERS:
            await socket.close(_FULL, f"{MOST_VIEWERS} pages are open already")
            return
        viewer = Viewer(self._board)
        self._board.join()
        sending = asyncio.create_task(self._send(socket, viewer))
        try:
            while (message := await socket.receive())["type"] == "websocket.receive":
                viewer.acknowledge(message.get("bytes") or b"", time.monotonic_ns())
        finally:
            sending.cancel()
            self._board.leave()

    async def _send(self, socket: WebSocket, viewer: Viewer) -> None:
        try:
            while True:
                await self.pulse.wait()
                if (message := viewer.next_message(time.monotonic_ns())) is not None:
                    await socket.send_bytes(message)
        except WebSocketDisconnect:
            return
