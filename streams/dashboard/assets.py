"""The page's files, ready to be sent: browsers keep them, for their address changes with what is in them."""

from __future__ import annotations

import gzip
import hashlib
import re
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from heartwire.streams.dashboard.one_module import one_module

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_INDEX, _SCRIPT, _STYLE = "index.html", "main.js", "style.css"
_ADDRESS = re.compile(r'\b(href|src)="([\w-]+\.\w+)"')
_KEPT = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}


class Assets:
    """All files of the page.

    The index is asked for each time. It names the script, in which all modules are one, the style sheet, in which all
    are one, and the icon, under a digest of what is in them.
    """

    def __init__(self) -> None:
        page = files("heartwire.streams.dashboard") / "page"
        texts = {file.name: file.read_text() for file in page.iterdir()}
        styles = sorted((name for name in texts if name.endswith(".css")), key=lambda name: (name != _STYLE, name))
        plain = {
            _SCRIPT: one_module(texts, _SCRIPT),
            _STYLE: "".join(texts[name] for name in styles),
            **{name: text for name, text in texts.items() if name.endswith(".svg")},
        }
        self._plain = {name: text.encode() for name, text in plain.items()}
        self._packed = {name: gzip.compress(content, mtime=0) for name, content in self._plain.items()}
        self._digest = hashlib.sha256(b"\0".join(self._plain.values())).hexdigest()[:16]
        self._index = _ADDRESS.sub(rf'\1="{self._digest}/\2"', texts[_INDEX]).encode()

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [Route("/", self._page), Route(f"/{self._digest}/{{name}}", self._file)]

    async def _page(self, _: Request) -> Response:
        return Response(self._index, media_type=_TYPES["html"])

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in self._plain:
            return Response("there is no such file\n", status_code=404, media_type="text/plain")
        headers, content = dict(_KEPT), self._plain[name]
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"], content = "gzip", self._packed[name]
        return Response(content, media_type=_TYPES[name.rsplit(".", 1)[-1]], headers=headers)
