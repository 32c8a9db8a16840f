"""The modules of the page as one: a browser asks once, not forty times, and has every view when the server is gone."""

from __future__ import annotations

import re
from collections.abc import Mapping

_IMPORT = re.compile(r'^import \{ ([^}]*) \} from "\./([\w-]+\.js)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:const|class|function|async function) (\w+))", re.MULTILINE)
_LEFT = re.compile(r"^(?:import|export)\b.*|\bimport\(", re.MULTILINE)


def one_module(sources: Mapping[str, str], first: str) -> str:
    """Give a module that does what the first of some modules does.

    Each becomes a block of its own, after those that it imports, and leaves what it exports in `modules`. They import
    and export names at the begin of a line, as `import { a, b as c } from "./x.js";` and `export const a`, a class or a
    function; no two import each other.

    Parameters
    ----------
    sources
        Modules by the name of their file.
    first
        The one that the page begins with.

    Raises
    ------
    ValueError
        If a module imports or exports in another form.
    """
    blocks: dict[str, str] = {}

    def add(name: str) -> None:
        if name in blocks:
            return
        blocks[name] = ""
        source = sources[name]
        for _, wanted in _IMPORT.findall(source):
            add(wanted)
        body = _IMPORT.sub(_taken, source)
        exported = ", ".join(_EXPORT.findall(body))
        body = _EXPORT.sub("", body)
        if left := _LEFT.search(body):
            msg = f"{name}: this form is not known here: {left[0]}"
            raise ValueError(msg)
        del blocks[name]  # its place is behind what it imports
        blocks[name] = f'{{ // {name}\n{body}modules["{name}"] = {{ {exported} }};\n}}\n'

    add(first)
    return "const modules = {};\n" + "".join(blocks.values())


def _taken(found: re.Match[str]) -> str:
    return f'const {{ {found[1].replace(" as ", ": ")} }} = modules["{found[2]}"];'
