"""Who may read the page: headers that keep it to itself, and a check of where a request comes from."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class Guard:
    """Lets through what comes from the page itself or from a program, nothing that another site sent.

    Parameters
    ----------
    app
        What is guarded.
    host
        Address that the server is bound to. On a loopback address only loopback names are answered, so that no foreign
        name can be pointed here.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._names = _LOOPBACK | {host} if host in _LOOPBACK else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        if not self._admits(Headers(scope=scope)):
            await _refuse(scope, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _admits(self, headers: Headers) -> bool:
        host = headers.get("host", "")
        if self._names is not None and urlsplit(f"//{host}").hostname not in self._names:
            return False
        origin = headers.get("origin")
        return origin is None or urlsplit(origin).netloc == host


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"not from here\n"})
