"""Who may use the page: headers that keep it to itself, and checks of where a request comes from and of its token."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from heartwire.streams.dashboard.access import LOOPBACK
from heartwire.streams.dashboard.refusals import Refusals

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
_COOKIE = "heartwire-token"
_WHY = {
    "foreign host or origin": (403, "not from here\n"),
    "missing token": (401, "this page needs its token: open the address that the run printed\n"),
    "wrong token": (401, "this is not the token of this run\n"),
}


class Guard:
    """Lets through what comes from the page itself or from a program, nothing that another site sent.

    Where there is a token, a request brings it as the cookie that opening `/?token=...` sets, or as
    `Authorization: Bearer ...`.

    Parameters
    ----------
    app
        What is guarded.
    host
        Address that the server is bound to. On a loopback address only loopback names are answered, so that no foreign
        name can be pointed here.
    token
        The token, empty where none is needed.
    refusals
        Counts what is turned away.
    """

    def __init__(self, app: ASGIApp, host: str, token: str, refusals: Refusals) -> None:
        self._app = app
        self._names = LOOPBACK | {host} if host in LOOPBACK else None
        self._token = token.encode()
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse one request."""
        headers = Headers(scope=scope)
        brought = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[-1]
        if cause := self._refusal(headers, brought):
            client = scope.get("client")
            self._refusals.add(cause, client[0] if client else "unknown")
            await _refuse(scope, send, cause)
        elif brought and self._token and scope["type"] == "http":
            await _remember(scope, send, brought)
        else:
            await self._app(scope, receive, _with_headers(send))

    def _refusal(self, headers: Headers, brought: str) -> str:
        if self._foreign(headers.get("host", ""), headers.get("origin")):
            return "foreign host or origin"
        if not self._token:
            return ""
        given = brought or _bearer(headers) or _cookie(headers)
        if not given:
            return "missing token"
        return "" if hmac.compare_digest(given.encode(), self._token) else "wrong token"

    def _foreign(self, host: str, origin: str | None) -> bool:
        try:
            named = self._names is None or urlsplit(f"//{host}").hostname in self._names
            return not named or (origin is not None and urlsplit(origin).netloc != host)
        except ValueError:  # no address at all
            return True


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(_COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers


async def _remember(scope: Scope, send: Send, token: str) -> None:
    """Turn a token in the address into a cookie, so that it does not stay in the address."""
    cookie = f"{_COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
    # Two slashes at the front would be another host.
    location = f"/{scope['path'].lstrip('/')}".encode()
    headers = [(b"location", location), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _refuse(scope: Scope, send: Send, cause: str) -> None:
    status, text = _WHY[cause]
    if scope["type"] == "websocket":
        # Before the handshake: the server answers it with status 403.
        await send({"type": "websocket.close", "code": 1008})
        return
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
