"""The page's files, ready to be sent: browsers keep them, for their address changes with what is in them."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_INDEX = "index.html"
_FIRST = ("main.js", "station.js")
"""What is needed for the first view; other views are loaded when it stands."""
_ADDRESS = re.compile(r'\b(href|src)="([\w-]+\.\w+)"')
_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?\bfrom "\./([\w-]+\.js)"', re.MULTILINE)
_KEPT = {"cache-control": "public, max-age=31536000, immutable"}


class Assets:
    """All files of the page.

    The index is asked for each time. It names the other files under a digest of all of them, and every module of the
    first view, so that a browser asks for these at once instead of one generation of imports after the other.
    """

    def __init__(self) -> None:
        page = files("heartwire.streams.dashboard") / "page"
        self._files = {file.name: file.read_bytes() for file in page.iterdir()}
        whole = hashlib.sha256()
        for name, content in sorted(self._files.items()):
            whole.update(name.encode() + b"\0" + content)
        self._digest = whole.hexdigest()[:16]
        index = _ADDRESS.sub(rf'\1="{self._digest}/\2"', self._files.pop(_INDEX).decode())
        preloads = "".join(
            f'  <link rel="modulepreload" href="{self._digest}/{name}">\n' for name in self._needed(_FIRST)
        )
        self._index = index.replace("</head>", f"{preloads}</head>").encode()

    def _needed(self, first: tuple[str, ...]) -> list[str]:
        """Give modules and all that they import, the first first."""
        found = list(first)
        for name in found:
            found += [wanted for wanted in _IMPORT.findall(self._files[name].decode()) if wanted not in found]
        return found

    def routes(self) -> list[BaseRoute]:
        """Give the routes."""
        return [Route("/", self._page), Route(f"/{self._digest}/{{name}}", self._file)]

    async def _page(self, _: Request) -> Response:
        return Response(self._index, media_type=_TYPES["html"])

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        content = self._files.get(name)
        if content is None:
            return Response("there is no such file\n", status_code=404, media_type="text/plain")
        return Response(content, media_type=_TYPES[name.rsplit(".", 1)[-1]], headers=_KEPT)
